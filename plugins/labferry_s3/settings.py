"""The keys of a destination of type `s3`."""

import base64
import binascii
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from labferry.sdk import (
    GIB,
    MIB,
    ConfigError,
    Duration,
    FilePath,
    InvalidAnswerError,
    Secret,
    SinkSettings,
    Size,
)
from labferry.sdk import check_key as checked_key
from labferry.sdk.settings import Settings

SMALLEST_PART = 5 * MIB
_LARGEST_PART = 5 * GIB
_KEY_LENGTH = 32


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta():
        raise ValueError("a time above zero")
    return value


def _prefix(value: str) -> str:
    if not value:
        return value
    try:
        checked_key(value.removesuffix("/"))
    except InvalidAnswerError:
        raise ValueError(
            "folder names made of letters, digits, '.', '_' and '-', joined by '/', and no '/' at "
            "the beginning"
        ) from None
    return value.removesuffix("/") + "/"


Wait = Annotated[Duration, AfterValidator(_positive)]


class KmsKey(Settings):
    """Encryption by the store with a key of its key management service (SSE-KMS)."""

    kms_key: Annotated[str, Field(min_length=1)]
    """The key's id, alias or ARN."""


class CustomerKey(Settings):
    """Encryption by the store with a key that only you keep (SSE-C)."""

    customer_key: Secret
    """The key: 32 random bytes in base64, as after `openssl rand -base64 32`. If you lose it, you
    lose the archives."""

    def key(self) -> bytes:
        """The key itself.

        Raises:
            ConfigError: It is not 32 bytes in base64.
        """
        try:
            key = base64.b64decode(self.customer_key.reveal(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != _KEY_LENGTH:
            raise ConfigError(
                f"The customer_key from {self.customer_key.origin} is not 32 bytes in base64.",
                hint="Make one with: openssl rand -base64 32",
            )
        return key


class ObjectLock(Settings):
    """Protection from deletion, for a bucket that was created with object lock."""

    mode: Literal["governance", "compliance"] | None = None
    """`governance` can be lifted by those who have the permission, `compliance` by nobody."""

    retain: Wait | None = None
    """How long an archive can't be deleted after it was stored."""

    legal_hold: bool = False
    """Whether an archive can't be deleted until somebody lifts the hold."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.mode is None) != (self.retain is None):
            raise ValueError("Object lock needs both mode and retain, or neither.")
        if self.mode is None and not self.legal_hold:
            raise ValueError("Object lock needs mode and retain, or legal_hold = true.")
        return self


class S3Settings(SinkSettings):
    """The keys of a destination of type `s3`."""

    bucket: Annotated[str, Field(min_length=3, max_length=255, pattern=r"^[A-Za-z0-9._:/-]+$")]
    """The bucket, or the ARN of an access point. It must exist; labferry does not create it."""

    prefix: Annotated[str, AfterValidator(_prefix)] = ""
    """What all keys begin with, such as `rspace/`: a folder within the bucket."""

    endpoint_url: Annotated[str, Field(pattern=r"^https?://[^/@\s]+(/[^@\s]*)?$")] | None = None
    """The store's address, such as `https://s3.example.edu`. The default is AWS."""

    region: str | None = None
    """The region. The default comes from the profile or the environment."""

    path_style: bool | None = None
    """Whether the bucket's name goes into the path (`https://host/bucket`) or into the host name
    (`https://bucket.host`). The default is the path with `endpoint_url`, otherwise the host."""

    profile: str | None = None
    """The profile in `~/.aws/config` and `~/.aws/credentials`."""

    access_key_id: Secret | None = None
    """The access key's id. Without it, credentials come from the standard places: environment,
    profile, role, instance."""

    secret_access_key: Secret | None = None
    """The access key's secret half."""

    session_token: Secret | None = None
    """The token that comes with temporary credentials."""

    storage_class: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    """The archives' storage class, such as `STANDARD_IA` or `GLACIER_IR`. Manifests stay in the
    standard class, so that archives can always be listed."""

    sse: Literal["AES256"] | KmsKey | CustomerKey | None = None
    """Encryption by the store: `"AES256"` (its own keys), `{ kms_key = … }` or
    `{ customer_key = … }`; the default is what the bucket does by itself."""

    object_lock: ObjectLock | None = None
    """Protection from deletion, verified after each write."""

    tags: Annotated[dict[str, str], Field(default_factory=dict, max_length=10)]
    """Tags for each object, at most ten."""

    acl: (
        Literal[
            "private",
            "authenticated-read",
            "aws-exec-read",
            "bucket-owner-read",
            "bucket-owner-full-control",
        ]
        | None
    ) = None
    """A canned access control list. Rarely needed: most buckets do not allow it."""

    ca_file: FilePath | None = None
    """Certificates to trust (PEM) instead of the usual ones."""

    connect_timeout: Wait = timedelta(seconds=10)
    """How long establishing a connection may take."""

    timeout: Wait = timedelta(seconds=60)
    """How long a connection may be idle: no byte sent, no answer received."""

    retries: Annotated[int, Field(ge=0, le=20)] = 4
    """How often a failed request is repeated, with a pause that doubles each time. After that, the
    whole upload is tried again later."""

    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    """How many parts are sent at the same time. Each needs about `part_size` of memory."""

    part_size: Annotated[Size, Field(ge=SMALLEST_PART, le=_LARGEST_PART)] = 16 * MIB
    """The approximate size of parts, at least 5 MiB. labferry divides an archive into parts of
    almost equal size, and makes them larger if more than 9,000 would be needed."""

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("Set both access_key_id and secret_access_key, or neither.")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token needs access_key_id and secret_access_key.")
        if self.profile is not None and self.access_key_id is not None:
            raise ValueError("profile and access_key_id are two ways to log in: set only one.")
        return self

    @property
    def path_addressed(self) -> bool:
        """Whether the bucket's name goes into the path."""
        return self.endpoint_url is not None if self.path_style is None else self.path_style
