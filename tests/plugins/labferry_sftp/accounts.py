"""Accounts at servers that are no file servers of this machine, and a second way to their files."""

from pathlib import Path
from urllib.parse import quote

import httpx
from tests.servers.rclone import Rclone
from tests.servers.seaweedfs import HOME, PASSWORD, USER, SeaweedFS
from tests.servers.ssh_keys import make_key, public_key
from typing_extensions import override

from labferry.sdk import JsonValue
from labferry.testing.sink import RawStorage


class Account:
    """An account with a password.

    Args:
        port: Where the server listens.
        host_key: The private key that it shows.
        known_hosts: The file to write for it.
    """

    def __init__(self, port: int, host_key: Path, known_hosts: Path) -> None:
        self.port = port
        self._known_hosts = known_hosts
        known_hosts.write_text(f"[127.0.0.1]:{port} {public_key(host_key)}\n")

    def settings(self, path: str, **changes: JsonValue) -> dict[str, JsonValue]:
        """A destination's table."""
        return {
            "type": "sftp",
            "host": "127.0.0.1",
            "port": self.port,
            "username": USER,
            "password": PASSWORD,
            "path": path,
            "known_hosts": str(self._known_hosts),
            **changes,
        }


class RcloneServer(Account):
    """`rclone serve sftp`."""

    def __init__(self, home: Path) -> None:
        host_key = make_key(home / "host_key")
        options = [f"--key={host_key}", f"--user={USER}", f"--pass={PASSWORD}"]
        self.rclone = Rclone(home, "sftp", *options)
        super().__init__(self.rclone.port, host_key, home / "known_hosts")


class SeaweedServer(Account):
    """SeaweedFS with its SFTP."""

    def __init__(self, home: Path) -> None:
        host_key = make_key(home / "host_key")
        self.seaweedfs = SeaweedFS(home, sftp_host_key=host_key)
        super().__init__(self.seaweedfs.sftp_port, host_key, home / "known_hosts")


class FilerStorage(RawStorage):
    """A folder of the account at SeaweedFS, by way of the filer's HTTP.

    Args:
        server: The server.
        name: The folder.
    """

    def __init__(self, server: SeaweedServer, name: str) -> None:
        self.path = f"/{name}"  # the account sees its home as the root
        self._url = f"http://127.0.0.1:{server.seaweedfs.filer_port}{HOME}{self.path}"
        self._client = httpx.Client(timeout=30)
        self._client.post(f"{self._url}/").raise_for_status()

    def close(self) -> None:
        self._client.close()

    @override
    def names(self) -> dict[str, int]:
        return dict(self._below(""))

    @override
    def read(self, name: str) -> bytes:
        answer = self._client.get(f"{self._url}/{quote(name)}")
        return answer.raise_for_status().content

    @override
    def write(self, name: str, data: bytes) -> None:
        url = f"{self._url}/{quote(name)}"
        self._client.put(url, content=data).raise_for_status()

    @override
    def remove(self, name: str) -> None:
        self._client.delete(f"{self._url}/{quote(name)}").raise_for_status()

    def _below(self, folder: str) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        answer = self._client.get(
            f"{self._url}/{quote(folder)}",
            params={"limit": 1000},
            headers={"Accept": "application/json"},
        )
        for entry in answer.raise_for_status().json()["Entries"] or ():
            name = f"{folder}{entry['FullPath'].rpartition('/')[2]}"
            is_folder = entry["Mode"] >> 31 & 1
            found += self._below(f"{name}/") if is_folder else [(name, entry["FileSize"])]
        return found
