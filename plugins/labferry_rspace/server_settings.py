"""Settings of every source on an RSpace server: the server, the keys, and timeouts."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from labferry.sdk import Duration, FilePath, Secret, SourceSettings
from labferry_rspace.address import Address


def _address(text: str) -> str:
    return Address.parse(text).base


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("a time longer than zero")
    return value


_Time = Annotated[Duration, AfterValidator(_positive)]


class ServerSettings(SourceSettings):
    """An RSpace server, and how to speak to it."""

    url: Annotated[str, AfterValidator(_address)]
    """The server's address, such as https://rspace.example.edu."""

    api_key: Secret | None = None
    """The key from My RSpace, Profile, of the account that exports."""

    api_keys: tuple[Secret, ...] = ()
    """Keys of several accounts, instead of api_key: their exports run side by side."""

    verify_contents: bool = True
    """Whether labferry checks the contents of each archive before it stores it: the checksum of
    every member, names that stay inside the archive, and a manifest that fits the request. If not,
    it checks only the archive's own size, checksum and directory."""

    require_digest: bool = True
    """Whether to refuse an archive if the server declares no checksum of it. RSpace always
    declares one."""

    poll_interval: _Time = timedelta(minutes=1)
    """How long to wait, at most, between two questions about a running export. labferry asks one
    second after the export began, then less and less often. It waits longer if the server's own
    percentage says that much is left."""

    job_timeout: _Time = timedelta(hours=24)
    """How long an export may take before it is given up."""

    ca_file: FilePath | None = None
    """Certificates (PEM) of an authority to trust in addition to the well-known ones."""

    connect_timeout: _Time = timedelta(seconds=10)
    """How long connecting to the server may take."""

    read_timeout: _Time = timedelta(minutes=1)
    """How long the server may be silent while it answers or sends an archive."""

    submit_timeout: _Time = timedelta(minutes=10)
    """How long the server may be silent when labferry asks it to begin an export. The server then
    looks at every record, which takes minutes for a large notebook."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        mistakes = [*self._mistakes()]
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return self

    def _mistakes(self) -> Iterator[str]:
        """What is wrong between keys; a subclass adds its own."""
        if (self.api_key is None) == (not self.api_keys):
            yield "either api_key or api_keys, and not both"

    @property
    def keys(self) -> tuple[Secret, ...]:
        """All keys, however they were given."""
        return self.api_keys or ((self.api_key,) if self.api_key else ())
