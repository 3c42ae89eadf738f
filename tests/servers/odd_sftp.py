"""A small SFTP server that gives the answers which servers gave that cannot be installed here."""

import asyncio
import os
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import asyncssh
from typing_extensions import override

from labferry.sdk import JsonValue

_USER, _PASSWORD = "labferry", "correct-horse-battery"
_BITS_OF_MODES = 0o7777


@dataclass
class Oddities:
    """What is odd about a server.

    Attributes:
        attributes: Which attributes it leaves out.
        missing_is_failure: Whether it answers Failure for a file that is missing.
        never_syncs: Whether forcing a file to the disk fails.
        syncs_small_only: Whether it fails for files larger than 1 MiB.
        refuses_exclusive: Whether it does not know the condition that a file must be new.
        renames_small_only: Whether renaming fails for files larger than 1 MiB.
        without_links: Whether it makes no hard links.
        without_overwriting: Whether it does not know posix-rename@openssh.com.
        commands: What it does with commands: refuse them, never answer, or hang up.
    """

    attributes: Literal["all", "no type bits", "no mode", "no size", "nothing"] = "all"
    missing_is_failure: bool = False
    never_syncs: bool = False
    syncs_small_only: bool = False
    refuses_exclusive: bool = False
    renames_small_only: bool = False
    without_links: bool = False
    without_overwriting: bool = False
    commands: Literal["refuse", "never answer", "hang up"] = "refuse"


class OddSftp:
    """The server, on a thread of its own. It serves the folders of this machine.

    Args:
        home: An empty folder for its key.
        oddities: What is odd about it.

    Attributes:
        connections: How many clients logged in.
        commands: The commands that it was asked to run.
    """

    def __init__(self, home: Path, oddities: Oddities) -> None:
        self.home = home
        self.oddities = oddities
        self.connections = 0
        self.commands: list[str] = []
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._port = 0

    def settings(self, path: Path | str, **changes: JsonValue) -> dict[str, JsonValue]:
        """A destination's table."""
        known_hosts = self.home / "known_hosts"
        public = self._key.export_public_key().decode().strip()
        known_hosts.write_text(f"[127.0.0.1]:{self._port} {public}\n")
        return {
            "type": "sftp",
            "host": "127.0.0.1",
            "port": self._port,
            "username": _USER,
            "password": _PASSWORD,
            "path": str(path),
            "known_hosts": str(known_hosts),
            **changes,
        }

    @contextmanager
    def running(self) -> Iterator["OddSftp"]:
        """Started; stopped at the end."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            server = asyncio.run_coroutine_threadsafe(self._listen(), loop).result(10)
            self._port = server.get_port()
            yield self
            asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            host="127.0.0.1",
            port=0,
            server_host_keys=[self._key],
            server_factory=lambda: _Login(self),
            sftp_factory=lambda channel: _Files(channel, self.oddities),
            process_factory=None if self.oddities.commands == "refuse" else self._command,
        )

    async def _command(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        self.commands.append(str(process.command))
        if self.oddities.commands == "hang up":
            process.channel.get_connection().abort()
        await asyncio.sleep(3600)


async def _end(server: asyncssh.SSHAcceptor) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _local(path: bytes) -> Path:
    return Path(os.fsdecode(path))


class _Login(asyncssh.SSHServer):
    def __init__(self, server: OddSftp) -> None:
        self._server = server

    @override
    def password_auth_supported(self) -> bool:
        return True

    @override
    def validate_password(self, username: str, password: str) -> bool:
        self._server.connections += 1
        return (username, password) == (_USER, _PASSWORD)


class _Files(asyncssh.SFTPServer):
    def __init__(self, channel: Any, oddities: Oddities) -> None:  # noqa: ANN401 - asyncssh's
        super().__init__(channel)
        self._odd = oddities

    @override
    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags & asyncssh.FXF_EXCL and self._odd.refuses_exclusive:
            raise asyncssh.SFTPOpUnsupported("unknown flag")
        with self._missing():
            return super().open(path, pflags, attrs)

    @override
    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        with self._missing():
            return self._told(_local(path).stat())

    @override
    def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        with self._missing():
            return self._told(_local(path).lstat())

    @override
    def fstat(self, file_obj: Any) -> asyncssh.SFTPAttrs:
        file_obj.flush()
        return self._told(os.fstat(file_obj.fileno()))

    @override
    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        with self._missing():
            entries = list(_local(path).iterdir())
        for entry in entries:
            yield asyncssh.SFTPName(os.fsencode(entry.name), b"?", self._told(entry.lstat()))

    @override
    def remove(self, path: bytes) -> None:
        with self._missing():
            _local(path).unlink()

    @override
    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self._odd.renames_small_only and _local(oldpath).stat().st_size > 1 << 20:
            raise asyncssh.SFTPFailure("Failure")
        super().rename(oldpath, newpath)

    @override
    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self._odd.without_overwriting:
            raise asyncssh.SFTPOpUnsupported("posix-rename not supported")
        super().posix_rename(oldpath, newpath)

    @override
    def link(self, oldpath: bytes, newpath: bytes) -> None:
        if self._odd.without_links:
            raise asyncssh.SFTPOpUnsupported("link not supported")
        super().link(oldpath, newpath)

    @override
    def fsync(self, file_obj: Any) -> None:
        size = os.fstat(file_obj.fileno()).st_size
        if self._odd.never_syncs or (self._odd.syncs_small_only and size > 1 << 20):
            raise asyncssh.SFTPFailure("Failure")

    @contextmanager
    def _missing(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            if self._odd.missing_is_failure:
                raise asyncssh.SFTPFailure("Failure") from None
            raise

    def _told(self, found: os.stat_result) -> asyncssh.SFTPAttrs:
        told = asyncssh.SFTPAttrs.from_local(found)
        how = self._odd.attributes
        if how in {"no mode", "nothing"}:
            told.permissions = None
        elif how == "no type bits":
            told.permissions = stat.S_IMODE(found.st_mode) & _BITS_OF_MODES
        if how in {"no size", "nothing"}:
            told.size = None
        return told
