"""Kinds of destination that the proofs of reliability are made for."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tests.plugins.labferry_s3.bucket import client
from tests.servers.openssh import OpenSsh
from tests.servers.proftpd import ProFtpd
from tests.servers.s3_store import Store
from typing_extensions import override

from labferry.sdk import MARKER_KEY


class Target(ABC):
    """One destination, looked at without labferry.

    Args:
        folder: A folder of its own.

    Attributes:
        size: How many bytes an archive has that shall take several steps to store there.
        longest: How many seconds a run takes with two of them, about.
    """

    size: ClassVar[int] = 200_000
    longest: ClassVar[float] = 0.25

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def make(self) -> None:
        """Make the storage ready."""

    @abstractmethod
    def settings(self) -> str:
        """Its lines in the configuration."""

    @abstractmethod
    def objects(self) -> Mapping[str, bytes]:
        """Everything that anybody can see there, by key; but for the destination's marker."""

    @abstractmethod
    def leftovers(self) -> list[str]:
        """Temporary files, open uploads and the like: what a crash left and nobody needs."""


class LocalTarget(Target):
    """A folder of this machine."""

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def settings(self) -> str:
        return f'type = "local"\npath = "{self.folder}"'

    def objects(self) -> Mapping[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and not path.name.startswith(".") and path.name != MARKER_KEY
        }

    def leftovers(self) -> list[str]:
        # Those of a marker are beside it, and swept by the next sync that stores anything.
        hidden = (path for path in self.folder.rglob(".*") if path.is_file())
        return [str(path) for path in hidden if path.parent != self.folder]


class SftpTarget(LocalTarget):
    """A folder that a real SFTP server serves.

    Args:
        folder: The folder.
        server: The server.
    """

    longest = 0.9

    def __init__(self, folder: Path, server: OpenSsh | ProFtpd) -> None:
        super().__init__(folder)
        self._server = server

    @override
    def settings(self) -> str:
        return _lines(self._server.settings(self.folder))


class S3Target(Target):
    """A prefix in a bucket of a real store.

    Args:
        folder: Not used, but for its name.
        store: The store.
        bucket: The bucket, which must exist.
    """

    size = (11 << 20) + 7
    longest = 2.0

    def __init__(self, folder: Path, store: Store, bucket: str) -> None:
        super().__init__(folder)
        self._store = store
        self._bucket = bucket
        self._prefix = f"{folder.name}-{uuid.uuid4()}/"

    def make(self) -> None:
        """A prefix is there as soon as something is below it."""

    def settings(self) -> str:
        return _lines(
            {
                "type": "s3",
                "bucket": self._bucket,
                "prefix": self._prefix,
                "endpoint_url": self._store.url,
                "region": "us-east-1",
                "access_key_id": self._store.access_key,
                "secret_access_key": self._store.secret_key,
                "part_size": "5 MiB",
                "timeout": "10s",
            }
        )

    def objects(self) -> Mapping[str, bytes]:
        listed = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix)
        return {
            each["Key"].removeprefix(self._prefix): self._client.get_object(
                Bucket=self._bucket, Key=each["Key"]
            )["Body"].read()
            for each in listed.get("Contents", ())
            if each["Key"] != f"{self._prefix}{MARKER_KEY}"
        }

    def leftovers(self) -> list[str]:
        uploads = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=self._prefix)
        return [each["Key"] for each in uploads.get("Uploads", ())]

    @property
    def _client(self) -> Any:  # noqa: ANN401 - made at run time from a description
        return client(self._store)


def _lines(table: Mapping[str, object]) -> str:
    """A table as TOML; all that tests need of it."""
    return "\n".join(
        f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"'
        for key, value in table.items()
    )
