"""The same server through `type = "fsspec"` and sshfs."""

from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ValidationError
from tests.servers.openssh import OpenSsh
from tests.servers.processes import free_port

from labferry.sdk import JsonValue
from labferry.testing.sink import FolderStorage, SinkContract
from labferry_fsspec import FsspecSettings, UrlSink


def _table(server: OpenSsh, folder: Path, **options: JsonValue) -> dict[str, JsonValue]:
    return {
        "type": "fsspec",
        "url": f"sftp://{server.user}@127.0.0.1{folder}",
        "options": {
            "port": server.port,
            "client_keys": [str(server.key)],
            "known_hosts": str(server.known_hosts),
            **options,
        },
    }


class TestSftpUrlOnOpenSsh(SinkContract):
    sink_class = UrlSink
    kill_points: ClassVar[int] = 3
    big_size: ClassVar[int] = 64 << 20

    @pytest.fixture(name="storage")
    def storage_fixture(self, tmp_path: Path, openssh: OpenSsh) -> FolderStorage:
        self.server = openssh
        return FolderStorage(tmp_path / "storage")

    def make_settings(self, storage: FolderStorage) -> dict[str, JsonValue]:
        return _table(self.server, storage.root)

    def broken_settings(self, storage: FolderStorage) -> dict[str, dict[str, JsonValue]]:
        return {
            "a folder that nobody can write to": _table(self.server, Path("/proc")),
            "no server": _table(self.server, storage.root, port=free_port()),
            "another server's key": _table(
                self.server, storage.root, known_hosts=str(self._strangers())
            ),
        }

    def _strangers(self) -> Path:
        path = self.server.home / "strangers"
        path.write_text(self.server.known_line(self.server.key) + "\n")
        return path


@pytest.mark.parametrize("options", [{}, {"known_hosts": ""}, {"known_hosts": False}])
def test_server_of_which_nothing_is_known_is_not_trusted(options: dict[str, object]) -> None:
    table = {"type": "fsspec", "url": "sftp://nas.example.edu/backup", "options": options}
    with pytest.raises(ValidationError, match="trusts any server that answers"):
        FsspecSettings.model_validate(table)
