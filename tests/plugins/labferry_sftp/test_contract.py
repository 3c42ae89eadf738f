from pathlib import Path
from typing import ClassVar

import pytest
from tests.servers.openssh import OpenSsh
from tests.servers.processes import free_port
from tests.servers.proftpd import ProFtpd

from labferry.sdk import JsonValue
from labferry.testing.sink import FolderStorage, SinkContract
from labferry_sftp import SftpSink


class TestSftpSinkOnOpenSsh(SinkContract):
    sink_class = SftpSink
    resumes: ClassVar[bool] = True
    reads_back_while_sending: ClassVar[bool] = True
    kill_points: ClassVar[int] = 8

    @pytest.fixture(name="storage")
    def storage_fixture(self, tmp_path: Path, openssh: OpenSsh) -> FolderStorage:
        self.server = openssh
        return FolderStorage(tmp_path / "storage")

    def make_settings(self, storage: FolderStorage) -> dict[str, JsonValue]:
        return self.server.settings(storage.root)

    def broken_settings(self, storage: FolderStorage) -> dict[str, dict[str, JsonValue]]:
        return {
            "a folder that does not exist": self.server.settings(storage.root / "missing"),
            "a file in place of the folder": self.server.settings(__file__),
            "a folder that nobody can write to": self.server.settings("/proc"),
            "no server": self.server.settings(storage.root, port=free_port()),
            "an unknown account": self.server.settings(storage.root, username="nobody-here"),
        }


class TestSftpSinkOnProFtpd(SinkContract):
    sink_class = SftpSink
    resumes: ClassVar[bool] = True
    reads_back_while_sending: ClassVar[bool] = True
    kill_points: ClassVar[int] = 8
    big_size: ClassVar[int] = 128 << 20

    @pytest.fixture(name="storage")
    def storage_fixture(self, tmp_path: Path, proftpd: ProFtpd) -> FolderStorage:
        self.server = proftpd
        return FolderStorage(tmp_path / "storage")

    def make_settings(self, storage: FolderStorage) -> dict[str, JsonValue]:
        return self.server.settings(storage.root)

    def broken_settings(self, storage: FolderStorage) -> dict[str, dict[str, JsonValue]]:
        return {
            "a folder that does not exist": self.server.settings(storage.root / "missing"),
            "a wrong password": self.server.settings(storage.root, password="wrong-horse"),
        }
