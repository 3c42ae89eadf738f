"""The requests of SFTP for whole files and folders, with one answer where servers give several.

The protocol leaves open much of what an answer holds, and servers leave out more: some say only
that they failed where a file is missing, or leave out what kind of thing an entry is. What is
unclear is found out by another request.
"""

import posixpath
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import asyncssh
from asyncssh import sftp

from labferry.sdk.strays import changed_at

_KINDS = {
    asyncssh.FILEXFER_TYPE_REGULAR: "file",
    asyncssh.FILEXFER_TYPE_DIRECTORY: "directory",
    asyncssh.FILEXFER_TYPE_SYMLINK: "link",
    asyncssh.FILEXFER_TYPE_SPECIAL: "other",
    asyncssh.FILEXFER_TYPE_SOCKET: "other",
    asyncssh.FILEXFER_TYPE_CHAR_DEVICE: "other",
    asyncssh.FILEXFER_TYPE_BLOCK_DEVICE: "other",
    asyncssh.FILEXFER_TYPE_FIFO: "other",
}
# What `ls -l` begins a line with, which is how version 3 of SFTP describes an entry to people.
_LETTERS = {"-": "file", "d": "directory", "l": "link"}
_MISSING = (sftp.SFTPNoSuchFile, sftp.SFTPNoSuchPath)
# What servers say of a file that is missing, besides saying so.
_UNCLEAR = (sftp.SFTPFailure, sftp.SFTPPermissionDenied)
_READ_BYTES = 32_768
_LARGEST = (1 << 20) + 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a folder.

    Attributes:
        name: Its name.
        kind: `file`, `directory`, `link` or `other`.
        size: Its size in bytes.
        changed: When it was changed last, by the server's clock.
    """

    name: str
    kind: str
    size: int
    changed: datetime | None


class Files:
    """An account's files on a server.

    Each method raises `asyncssh.SFTPNoSuchFile` if the file is missing, and whatever else asyncssh
    raises.

    Args:
        client: The SFTP session.
    """

    def __init__(self, client: asyncssh.SFTPClient) -> None:
        self._client = client

    async def size(self, path: str) -> int:
        """How long a file is, in bytes."""
        async with self._missing_is_said(path):
            found = await self._client.lstat(path)
        if found.size is not None or found.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
            return found.size or 0
        async with self._client.open(path, "rb") as file:
            return await length(file)

    async def is_folder(self, path: str) -> bool:
        """Whether a folder is there, or a link to one."""
        async with self._missing_is_said(path):
            found = await self._client.stat(path)
        return (_KINDS.get(found.type) or await self._kind_by_opening(path)) == "directory"

    async def entries(self, path: str) -> list[Entry]:
        """What is in a folder."""
        async with self._missing_is_said(path):
            found = await self._client.readdir(path)
        return [await self._entry(path, each) for each in found if not _is_dots(each)]

    async def read(self, path: str) -> bytes:
        """The content of a small file: its first MiB, and one byte more if it is larger."""
        content = b""
        async with self._missing_is_said(path):
            file = await self._client.open(path, "rb")
        async with file:
            while len(content) < _LARGEST:
                more = cast("bytes", await file.read(_READ_BYTES, len(content)))
                if not more:
                    break
                content += more
        return content

    async def remove(self, path: str) -> None:
        """Remove a file."""
        async with self._missing_is_said(path):
            await self._client.remove(path)

    @asynccontextmanager
    async def _missing_is_said(self, path: str) -> AsyncIterator[None]:
        try:
            yield
        except _UNCLEAR as error:
            if await self._is_missing(path):
                raise asyncssh.SFTPNoSuchFile(f"{path} is missing") from error
            raise

    async def _is_missing(self, path: str) -> bool:
        """Whether the folder of a path, or one of those above, is said not to have it."""
        folder, name = posixpath.split(path.rstrip("/"))
        try:
            return bool(name) and name not in await self._client.listdir(folder or ".")
        except _MISSING:
            return True
        except asyncssh.SFTPFailure:
            return await self._is_missing(folder)
        except asyncssh.SFTPError:
            return False

    async def _entry(self, folder: str, found: asyncssh.SFTPName) -> Entry:
        name, attributes = str(found.filename), found.attrs
        path = posixpath.join(folder, name)
        letter = str(found.longname or " ")[0]
        kind = _KINDS.get(attributes.type) or _LETTERS.get(letter)
        if kind is None or (kind == "file" and attributes.size is None):
            with suppress(asyncssh.SFTPError):
                attributes = await self._client.lstat(path)
            kind = _KINDS.get(attributes.type) or kind or await self._kind_by_opening(path)
        size = attributes.size
        if size is None:
            size = await self.size(path) if kind == "file" else 0
        return Entry(name, kind, size, changed_at(attributes.mtime))

    async def _kind_by_opening(self, path: str) -> str:
        """Whether something is a folder, as can be found out by reading it as one."""
        listing = cast("AsyncGenerator[asyncssh.SFTPName]", self._client.scandir(path))
        try:
            async with aclosing(listing):
                await anext(listing, None)
        except asyncssh.SFTPError:
            return "file"
        return "directory"


async def length(file: asyncssh.SFTPClientFile) -> int:
    """How long an open file is, in bytes; tried out if the server does not say."""
    size = (await file.stat()).size
    if size is not None:
        return size
    low, high = 0, 1
    while await file.read(1, high - 1):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if await file.read(1, middle - 1) else (low, middle)
    return low


def _is_dots(found: asyncssh.SFTPName) -> bool:
    return found.filename in {"", ".", ".."}
