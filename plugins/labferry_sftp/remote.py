"""The server's files for a thread that blocks: every request with a time-out and clear errors."""

import asyncio
import concurrent.futures
import hashlib
import posixpath
import secrets
import shlex
import stat
from collections.abc import Collection, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import quote

import asyncssh

from labferry.sdk import FullError, LabferryError, NotFoundError, TransientError
from labferry_sftp.checkfile import Hashed, check_file, offers_check_file
from labferry_sftp.connection import Connection
from labferry_sftp.loop import LoopThread
from labferry_sftp.problems import bare_failure, classified, is_unsupported
from labferry_sftp.settings import SftpSettings

# What the slowest server is expected to force to its disks, or to digest, in a second.
_SLOWEST = 2_000_000
_SIDE_BY_SIDE = 16
_PORT = 22
_SETTLING_SECONDS = 5.0
USED_UP = "Is the account's quota on the server used up, or a limit on the size of its files?"
"""What to ask where a server does not say why it wrote nothing."""

_OF_NOTHING = hashlib.sha256().hexdigest()

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a folder.

    Attributes:
        name: Its name.
        kind: `file`, `directory` or something else.
        size: Its size in bytes.
        changed: When it was changed last, by the server's clock.
    """

    name: str
    kind: str
    size: int
    changed: datetime | None


class Remote:
    """A destination's folder on its server.

    Args:
        name: The destination's name in the configuration.
        settings: Its settings.

    Attributes:
        root: The absolute path of the folder, as the account sees it.
        connection: What it is reached through.
    """

    def __init__(self, name: str, settings: SftpSettings) -> None:
        self._name = name
        self._patience = settings.timeout.total_seconds()
        self._keepalive = settings.keepalive.total_seconds()
        self._loop = LoopThread(f"sftp {name}")
        try:
            self.connection = Connection(settings, self._loop)
            self.connection.open()
            self.root = self._find_root(settings.path)
        except BaseException:
            self.close()
            raise

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return self.connection.ssh.is_closed()

    def close(self) -> None:
        """Close the connection."""
        if hasattr(self, "connection"):
            self.connection.close()
        self._loop.close()

    def path(self, *names: str) -> str:
        """An absolute path below the root."""
        return posixpath.join(self.root, *names)

    def url(self, key: str) -> str:
        """An address for people; without any secret."""
        host, port = self.connection.peer
        shown = f"[{host}]" if ":" in host else host
        return f"sftp://{shown}{'' if port == _PORT else f':{port}'}{quote(self.path(key))}"

    def describe(self) -> str:
        """Who is at the other end, and how the bytes get there."""
        told = self.connection.ssh.get_extra_info
        return f"{told('server_version')} with {told('send_cipher')}"

    def size(self, path: str) -> int | None:
        """A file's size in bytes; None where there is nothing of that name."""
        with suppress(NotFoundError):
            attributes = self.run(f"Looking for {path}", self.connection.sftp.lstat(path))
            return attributes.size or 0
        return None

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder, or a link to one."""
        with suppress(NotFoundError):
            found = self.run(f"Looking for {path}", self.connection.sftp.stat(path))
            return stat.S_ISDIR(found.permissions or 0)
        return False

    def entries(self, paths: Sequence[str]) -> list[list[Entry]]:
        """What is in some folders; nothing in those that are gone."""
        return self._all("Listing folders", [self._entries(path) for path in paths])

    def read_all(self, paths: Sequence[str]) -> list[bytes | None]:
        """The content of some small files; None for those that are gone."""
        return self._all("Reading manifests", [self._read(path) for path in paths])

    def read(self, path: str) -> bytes | None:
        """The content of a small file; None where there is none."""
        return self.run(f"Reading {path}", self._read(path))

    def make_folder(self, path: str) -> None:
        """Make a folder below the root, with those above it."""
        if path == self.root or self.is_folder(path):
            return
        self.make_folder(posixpath.dirname(path))
        try:
            self.run(f"Making the folder {path}", self.connection.sftp.mkdir(path))
        except LabferryError:
            if not self.is_folder(path):  # else another store made it at the same time
                raise

    def open(self, path: str, mode: str) -> asyncssh.SFTPClientFile:
        """Open a file in one of the modes `rb`, `xb` (new) and `r+b` (there already)."""
        return self.run(f"Opening {path}", self._open(path, mode))

    def sync(self, path: str, file: asyncssh.SFTPClientFile, size: int) -> bool:
        """Force a file to the server's disk; False where the server does not offer that."""
        return self._offered(f"Forcing {path} to the disk", file.fsync(), size, USED_UP)

    def rename(self, source: str, target: str) -> None:
        """Rename a file. OpenSSH refuses where the target exists, others may not: look first."""
        self.run(f"Publishing {target}", self.connection.sftp.rename(source, target))

    def replace(self, source: str, target: str) -> bool:
        """Rename a file over another one; False where the server does not offer that."""
        renamed = self.connection.sftp.posix_rename(source, target)
        return self._offered(f"Replacing {target}", renamed)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        with suppress(NotFoundError):
            self.run(f"Deleting {path}", self.connection.files._rm_file(path))  # noqa: SLF001 - fsspec's word for the coroutine

    def free(self, path: str) -> int | None:
        """How many bytes the account may still store; None where the server does not say."""
        with suppress(LabferryError):
            system = self.run("Asking for free space", self.connection.sftp.statvfs(path))
            return 0 if system.favail == 0 < system.files else system.bavail * system.frsize
        return None

    @cached_property
    def can_hash(self) -> bool:
        """Whether the server itself computes SHA-256."""
        return self._has_sha256sum or self._has_check_file

    def hashed(self, path: str, size: int) -> Sequence[Hashed]:
        """What the server itself says of a file.

        Args:
            path: The file.
            size: How long it is.

        Returns:
            The SHA-256 of each part, in order; nothing where the server does not say.
        """
        doing = f"Computing the SHA-256 of {path}"
        with suppress(LabferryError):
            if self._has_sha256sum:
                command = f"sha256sum -- {shlex.quote(path)}"
                printed = self.run(doing, self._command(command), size=size)
                return [Hashed(0, size, printed.split(" ")[0].lstrip("\\"))] if printed else []
            if self._has_check_file:
                return self.run(doing, self._check_file(path, size), size=size)
        return []

    @cached_property
    def _has_sha256sum(self) -> bool:
        with suppress(LabferryError):
            # Of nothing: an account without a shell may answer with anything, but not with that.
            return self.run("Running sha256sum", self._command("sha256sum")).startswith(_OF_NOTHING)
        return False

    @cached_property
    def _has_check_file(self) -> bool:
        missing = self.path(f".labferry-{secrets.token_hex(8)}.check")
        asking = offers_check_file(self.connection.ssh, missing)
        with suppress(LabferryError):
            return self.run("Asking for check-file", asking)
        return False

    def submit(self, work: Coroutine[Any, Any, ResultT]) -> "Future[ResultT]":
        """Begin something, to be waited for by `wait`."""
        try:
            return self._loop.submit(work)
        except ConnectionError as error:
            raise self._explained(error, "Going on") from error

    def wait(
        self, doing: str, future: "Future[ResultT]", *, size: int = 0, hint: str = ""
    ) -> ResultT:
        """Wait for what was begun.

        Args:
            doing: What it is, as the beginning of a sentence.
            future: What `submit` returned.
            size: How many bytes the server has to deal with before it answers.
            hint: What to do where the server says no more than that it failed.
        """
        try:
            return self._loop.wait(future, self._patience + size / _SLOWEST)
        except Exception as error:
            raise self._explained(error, doing, hint) from error

    @staticmethod
    def settle(futures: "Collection[Future[Any]]") -> None:
        """Let what was begun come to an end, if that does not take long."""
        _, late = concurrent.futures.wait(futures, _SETTLING_SECONDS)
        for each in late:
            each.cancel()

    def run(
        self, doing: str, work: Coroutine[Any, Any, ResultT], *, size: int = 0, hint: str = ""
    ) -> ResultT:
        """Do something; the arguments are those of `wait`."""
        return self.wait(doing, self.submit(work), size=size, hint=hint)

    def _find_root(self, path: str) -> str:
        found = path
        with suppress(NotFoundError):  # where a folder on the way is missing
            found = str(self.run(f"Looking for {path}", self.connection.sftp.realpath(path)))
        if not self.is_folder(found):
            raise NotFoundError(
                f"There is no folder {found} on the server of {self._name}.",
                hint="Correct `path`, or make the folder; is its disk mounted there?",
            )
        return found

    def _offered(
        self, doing: str, work: Coroutine[Any, Any, object], size: int = 0, hint: str = ""
    ) -> bool:
        try:
            self.run(doing, work, size=size, hint=hint)
        except LabferryError as error:
            if is_unsupported(error):
                return False
            raise
        return True

    def _all(self, doing: str, works: Sequence[Coroutine[Any, Any, ResultT]]) -> list[ResultT]:
        """Do many things, a number of them side by side: no round trip waits for another one."""

        async def together() -> list[ResultT]:
            slots = asyncio.Semaphore(_SIDE_BY_SIDE)

            async def one(work: Coroutine[Any, Any, ResultT]) -> ResultT:
                async with slots:
                    return await asyncio.wait_for(work, self._patience)

            return await asyncio.gather(*map(one, works))

        try:
            return self.submit(together()).result()
        except Exception as error:
            raise self._explained(error, doing) from error

    async def _entries(self, path: str) -> list[Entry]:
        with suppress(FileNotFoundError):
            found = await self.connection.files._ls(path)  # noqa: SLF001 - fsspec's word for the coroutine
            return [
                Entry(posixpath.basename(each["name"]), each["type"], each["size"], each["mtime"])
                for each in found
            ]
        return []

    async def _read(self, path: str) -> bytes | None:
        with suppress(FileNotFoundError):
            data: bytes = await self.connection.files._cat_file(path)  # noqa: SLF001 - as above
            return data
        return None

    async def _open(self, path: str, mode: str) -> asyncssh.SFTPClientFile:
        return await self.connection.sftp.open(path, mode)

    async def _command(self, command: str) -> str:
        """What a command prints; nothing where it fails."""
        done = await self.connection.ssh.run(command, stdin=asyncssh.DEVNULL)
        return str(done.stdout) if done.exit_status == 0 else ""

    async def _check_file(self, path: str, size: int) -> list[Hashed]:
        ssh = self.connection.ssh
        # ProFTPD gives no sign of life while it computes; that it ends is seen to by `wait`.
        ssh.set_keepalive(0)
        try:
            return await check_file(ssh, path, size)
        finally:
            ssh.set_keepalive(self._keepalive)

    def _explained(self, error: Exception, doing: str, hint: str = "") -> LabferryError:
        if isinstance(error, LabferryError):
            return error
        found = classified(error, f"{doing} in {self._name}")
        if isinstance(error, TimeoutError):
            # What hangs is not asked again; the next store connects anew.
            self._loop.loop.call_soon_threadsafe(self.connection.ssh.abort)
        elif bare_failure(error) and type(found) is TransientError:
            if self.free(self.root) == 0:
                return FullError(found.message, hint="Free some space on the server.")
            return TransientError(found.message, hint=hint)
        return found
