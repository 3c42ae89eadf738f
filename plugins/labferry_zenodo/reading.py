"""Reading a stored file as it comes."""

import io
from contextlib import ExitStack
from http import HTTPStatus

from typing_extensions import Buffer, override

from labferry.sdk import InvalidAnswerError, TransientError
from labferry.sdk.http import Response
from labferry.sdk.http_headers import content_range
from labferry_zenodo.client import Client
from labferry_zenodo.records import require_content


class ContentReader(io.RawIOBase):
    """A file's bytes from an offset on.

    Not every server sends parts of a file; from one that does not, what comes before is read and
    dropped.

    Args:
        client: The server.
        path: Where the content is.
        name: The file's name, for messages.
        size: How many bytes it has.
        offset: Where to begin.
    """

    def __init__(self, client: Client, path: str, name: str, size: int, offset: int) -> None:
        super().__init__()
        self._name = name
        self._left = max(0, size - offset)
        self._rest: bytes | bytearray = b""
        self._stack = ExitStack()
        if not self._left:
            return
        with ExitStack() as stack:
            response = stack.enter_context(client.stream(path, offset))
            require_content(response, name)
            self._pieces = response.chunks()
            self._skip(offset - _start(response, offset))
            self._stack = stack.pop_all()

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        if not self._left or not len(view):
            return 0
        piece = self._rest or self._next()
        count = min(len(piece), len(view), self._left)
        view[:count] = piece[:count]
        self._rest = piece[count:]
        self._left -= count
        return count

    @override
    def close(self) -> None:
        if not self.closed:
            self._stack.close()
        super().close()

    def _skip(self, count: int) -> None:
        while count:
            piece = self._next()
            self._rest = piece[count:]
            count -= min(count, len(piece))

    def _next(self) -> bytes | bytearray:
        for piece in self._pieces:
            if piece:
                return piece
        raise TransientError(f"{self._name} ended too early.")


def _start(response: Response, offset: int) -> int:
    """At which byte of the file an answer begins.

    Raises:
        InvalidAnswerError: Behind the one that was asked for, or it does not say.
    """
    if response.status == HTTPStatus.OK:
        return 0
    begin, _ = content_range(response.headers)
    if begin is None or begin > offset:
        raise InvalidAnswerError("Another part of a file was sent than was asked for.")
    return begin
