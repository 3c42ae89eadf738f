"""The contract at servers that come as wheels, so that everybody can run it: both are gateways."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from typing_extensions import override

from labferry.sdk import JsonValue, TransientError
from labferry.testing.samples import MemoryCheckpoint
from labferry.testing.samples.attempts import Attempt
from labferry.testing.sink import FolderStorage, SinkContract
from labferry.testing.sink.killing import Outcome
from labferry_sftp import SftpSink

from .accounts import FilerStorage, RcloneServer, SeaweedServer

_NOTICED = 1.0
"""After so many seconds in which nothing changed, nothing is written down any more."""


class GatewayContract(SinkContract):
    """At servers that do not go on with a file: what a broken upload left is begun anew."""

    sink_class = SftpSink
    # The sink leaves what it wrote, as it does not know that the server can't go on from there.
    resumes: ClassVar[bool] = True
    reads_back_while_sending: ClassVar[bool] = True
    kill_points: ClassVar[int] = 3
    big_size: ClassVar[int] = 64 << 20

    @override
    def test_interrupted_store_is_resumed(self) -> None:
        size, note = self.interrupted_size, MemoryCheckpoint()
        stopped = TransientError("The download stopped.")
        with pytest.raises(TransientError):
            self.store(self.archive(size=size, arrived=size // 2, error=stopped), note)
        archive = self.archive(size=size)
        self.store(archive, note)
        assert archive.bytes_read >= size
        self.assert_only(archive)


class TestSftpSinkOnRclone(GatewayContract):
    @pytest.fixture(name="storage")
    def storage_fixture(self, tmp_path: Path, rclone: RcloneServer) -> FolderStorage:
        self.server = rclone
        return FolderStorage(rclone.rclone.folder / tmp_path.name)

    def make_settings(self, storage: FolderStorage) -> dict[str, JsonValue]:
        return self.server.settings(f"/{storage.root.name}")

    def broken_settings(self, storage: FolderStorage) -> dict[str, dict[str, JsonValue]]:
        return {
            "a folder that does not exist": self.server.settings(f"/{storage.root.name}/missing"),
            "a wrong password": self.server.settings("/", password="wrong-horse"),
        }


@pytest.mark.slow  # rclone goes through the contract quickly
class TestSftpSinkOnSeaweedFS(GatewayContract):
    @pytest.fixture(name="storage")
    def storage_fixture(self, tmp_path: Path, seaweedfs: SeaweedServer) -> Iterator[FilerStorage]:
        self.server = seaweedfs
        storage = FilerStorage(seaweedfs, tmp_path.name)
        yield storage
        storage.close()

    @override
    def attempt(self, *attempts: Attempt) -> list[Outcome]:
        """What a killed client had sent is written down once the server notices its end."""
        outcomes = super().attempt(*attempts)
        before = None
        while any(each.killed for each in outcomes) and before != (before := self.raw.names()):
            time.sleep(_NOTICED)
        return outcomes

    def make_settings(self, storage: FilerStorage) -> dict[str, JsonValue]:
        return self.server.settings(storage.path)

    def broken_settings(self, storage: FilerStorage) -> dict[str, dict[str, JsonValue]]:
        return {
            "a folder that does not exist": self.server.settings(f"{storage.path}/missing"),
            "a wrong password": self.server.settings(storage.path, password="wrong-horse"),
        }
