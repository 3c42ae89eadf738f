"""What tests have to know of a store that speaks S3."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Store:
    """A store on this machine.

    Attributes:
        url: Its address.
        access_key: The id of a key that may do everything.
        secret_key: Its secret half.
    """

    url: str
    access_key: str
    secret_key: str
