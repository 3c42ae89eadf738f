"""The server's files for a thread that blocks: every request with a time-out and clear errors."""

import asyncio
import concurrent.futures
import posixpath
import secrets
from collections.abc import Callable, Collection, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import quote

import asyncssh

from labferry.sdk import FullError, LabferryError, NotFoundError, TransientError
from labferry_sftp.abilities import Abilities
from labferry_sftp.connection import Connection
from labferry_sftp.files import Entry
from labferry_sftp.hashing import ServerHashing
from labferry_sftp.loop import LoopThread
from labferry_sftp.problems import bare_failure, classified, is_answer, is_unsupported
from labferry_sftp.settings import SftpSettings

# What the slowest server is expected to force to its disks, or to digest, in a second.
_SLOWEST = 2_000_000
_SIDE_BY_SIDE = 16
_PORT = 22
_SETTLING_SECONDS = 5.0
USED_UP = "Is the account's quota on the server used up, or a limit on the size of its files?"
"""What to ask where a server does not say why it wrote nothing."""

_NO_RENAME = (
    "The server can't rename this file. If it renames small ones (labferry check), ask its "
    "administrator for a limit on the size of files that are renamed."
)

ResultT = TypeVar("ResultT")


class Remote:
    """A destination's folder on its server.

    Args:
        name: The destination's name in the configuration.
        settings: Its settings.
        abilities: What was found out about the server before.

    Attributes:
        abilities: What the server can do.
        root: The absolute path of the folder, as the account sees it.
        connection: What it is reached through.
        hashing: What the server says of the content of files.
    """

    def __init__(self, name: str, settings: SftpSettings, abilities: Abilities) -> None:
        self.abilities = abilities
        self._name = name
        self._settings = settings
        self._patience = settings.timeout.total_seconds()
        self.hashing = ServerHashing(self, settings.keepalive.total_seconds(), self._patience)
        self._loop = LoopThread(f"sftp {name}")
        try:
            self._connect()
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
        info = self.connection.ssh.get_extra_info
        return f"{info('server_version')} with {info('send_cipher')}"

    def size(self, path: str) -> int | None:
        """A file's size in bytes; None where there is nothing of that name."""
        with suppress(NotFoundError):
            return self.run(f"Looking for {path}", self.connection.files.size(path))
        return None

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder, or a link to one."""
        with suppress(NotFoundError):
            return self.run(f"Looking for {path}", self.connection.files.is_folder(path))
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
        """Open a file in one of the modes `rb`, `xb` (new), `wb` (emptied) and `r+b` (as it is)."""
        return self.run(f"Opening {path}", self._open(path, mode))

    def create(self, path: str) -> asyncssh.SFTPClientFile:
        """Open a new file, which must not be there yet."""
        if self.abilities.creates:
            try:
                return self.open(path, "xb")
            except LabferryError as error:
                if not is_answer(error) or self.size(path) is not None:
                    raise
        # Some servers don't know the condition that a file must be new. If it was something else
        # that was refused, it is refused again.
        file = self.open(path, "wb")
        self.abilities.creates = False
        return file

    def write_at(self, path: str, offset: int, content: bytes) -> None:
        """Write a few bytes into a file that is there, and close it."""
        file = self.open(path, "r+b")
        try:
            self.run(f"Writing {path}", file.write(content, offset), hint=USED_UP)
        finally:
            self.close_file(path, file, offset)

    def close_file(self, path: str, file: asyncssh.SFTPClientFile, size: int) -> None:
        """Close a file that was written; some servers store all of it only now."""
        self.run(f"Closing {path}", file.close(), size=size, hint=USED_UP)

    def sync(self, path: str, file: asyncssh.SFTPClientFile, size: int) -> bool:
        """Force a file to the server's disk; False if the server can't do that with any file."""
        if self.abilities.syncs is False:
            return False
        try:
            self.run(f"Forcing {path} to the disk", file.fsync(), size=size, hint=USED_UP)
        except LabferryError as error:
            if not is_answer(error):
                raise
            if not is_unsupported(error) and (self.abilities.syncs or self._syncs_a_small_file()):
                raise
            self.abilities.syncs = False
            return False
        self.abilities.syncs = True
        return True

    def rename(self, source: str, target: str, size: int = 0) -> None:
        """Give a file a name that is free; some servers overwrite, so look before.

        Args:
            source: The file.
            target: Its new path.
            size: How long it is; some servers copy it.
        """
        doing = f"Publishing {target}"
        try:
            self.run(doing, self.connection.sftp.rename(source, target), size=size)
        except LabferryError as error:
            is_over = not is_answer(error) or self.size(target) is not None
            if is_over or self.size(source) is None:
                raise
            if not (self._link(source, target, size) or self.replace(source, target, size)):
                error.hint = error.hint or _NO_RENAME
                raise

    def replace(self, source: str, target: str, size: int = 0) -> bool:
        """Rename a file over another one; False if the server answers that it can't."""
        renamed = self.connection.sftp.posix_rename(source, target)
        return self._answers_yes(f"Replacing {target}", renamed, size)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        with suppress(NotFoundError):
            self.run(f"Deleting {path}", self.connection.files.remove(path))

    def free(self, path: str) -> int | None:
        """How many bytes the account may still store; None where the server does not say."""
        with suppress(LabferryError):
            system = self.run("Asking for free space", self.connection.sftp.statvfs(path))
            return 0 if system.favail == 0 < system.files else system.bavail * system.frsize
        return None

    def ask(
        self,
        work: Callable[[asyncssh.SSHClientConnection], Coroutine[Any, Any, ResultT]],
        seconds: float,
    ) -> ResultT | None:
        """Ask what a server may leave unanswered, or hang up at; the connection is there after it.

        Args:
            work: Asks over the connection.
            seconds: How long the answer may take.

        Returns:
            The answer; None if there was none.

        Raises:
            LabferryError: The answer was that it failed, or the server can't be reached again.
        """
        asked = self.submit(work(self.connection.ssh))
        try:
            return self._loop.wait(asked, seconds)
        except TimeoutError:
            return None
        except Exception as error:
            if not self.is_lost:
                raise classified(error, f"Asking the server of {self._name}") from error
        self.connection.close()
        self._connect()
        return None

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

    def _connect(self) -> None:
        self.connection = Connection(self._settings, self._loop)
        self.connection.open()

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

    def _link(self, source: str, target: str, size: int) -> bool:
        """Give a file its new name by a second name; False if the server answers that it can't."""
        linked = self.connection.sftp.link(source, target)
        if not self._answers_yes(f"Publishing {target}", linked, size):
            return False
        self.remove(source)
        return True

    def _answers_yes(self, doing: str, work: Coroutine[Any, Any, object], size: int = 0) -> bool:
        """Do something; False if the server answers that it can't or won't."""
        try:
            self.run(doing, work, size=size)
        except LabferryError as error:
            if is_answer(error):
                return False
            raise
        return True

    def _syncs_a_small_file(self) -> bool:
        """Whether a file that surely has room can be forced to the disk."""
        path = self.path(f".labferry-{secrets.token_hex(8)}.check")
        file = self.create(path)
        try:
            return self._answers_yes(f"Forcing {path} to the disk", file.fsync())
        finally:
            with suppress(LabferryError):
                self.close_file(path, file, 0)
                self.remove(path)

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
        with suppress(asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return await self.connection.files.entries(path)
        return []

    async def _read(self, path: str) -> bytes | None:
        with suppress(asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return await self.connection.files.read(path)
        return None

    async def _open(self, path: str, mode: str) -> asyncssh.SFTPClientFile:
        return await self.connection.sftp.open(path, mode)

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
