"""The body of a request, read piece by piece from the connection."""

from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from io import BufferedIOBase

PIECE = 64 * 1024


class Interrupted(Exception):  # noqa: N818 - an event in a client's life, not a failure of ours
    """The body ended before it was complete."""


@dataclass
class Body:
    """What follows the headers.

    Attributes:
        length: Content-Length; None if the body is chunked.
        taken: Bytes read so far.
        cut_after: A fault: it breaks off after so many bytes.
        flip_at: A fault: the byte at this place arrives with one bit changed.
        keeps: A fault: only so many bytes reach the disk, and nobody notices.
    """

    source: BufferedIOBase
    length: int | None
    taken: int = 0
    cut_after: int | None = None
    flip_at: int | None = None
    keeps: int | None = None
    _raw: Iterator[bytes] | None = None

    @classmethod
    def following(cls, headers: Message, source: BufferedIOBase) -> "Body":
        """The body that these headers announce."""
        chunked = "chunked" in str(headers.get("Transfer-Encoding", "")).lower()
        return cls(source, None if chunked else int(headers.get("Content-Length") or 0))

    def pieces(self) -> Iterator[bytes]:
        """The bytes as they arrive, faults included.

        Raises:
            Interrupted: The client left, or a fault says so.
        """
        at = 0
        for piece in self._arriving():
            if self.cut_after is not None and at + len(piece) >= self.cut_after:
                raise Interrupted
            yield self._damaged(piece, at)
            at += len(piece)
        if self.cut_after is not None:
            raise Interrupted

    def read(self) -> bytes:
        """All of it; for JSON."""
        return b"".join(self.pieces())

    def drain(self) -> None:
        """Take the rest without keeping it, so that the client gets to read the answer."""
        for _ in self._arriving():
            pass

    def _damaged(self, piece: bytes, at: int) -> bytes:
        if self.flip_at is not None and 0 <= (place := self.flip_at - at) < len(piece):
            piece = piece[:place] + bytes([piece[place] ^ 1]) + piece[place + 1 :]
        return piece if self.keeps is None else piece[: max(0, self.keeps - at)]

    def _arriving(self) -> Iterator[bytes]:
        if self._raw is None:
            self._raw = self._chunked() if self.length is None else self._exactly(self.length)
        return self._raw

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._take(min(size, PIECE))
            size -= len(piece)
            yield piece

    def _chunked(self) -> Iterator[bytes]:
        while size := int(self._line().split(b";")[0], 16):
            yield from self._exactly(size)
            self._line()
        while self._line():
            pass

    def _take(self, size: int) -> bytes:
        try:
            piece = self.source.read(size)
        except OSError as error:
            raise Interrupted from error
        self.taken += len(piece)
        if len(piece) < size:
            raise Interrupted
        return piece

    def _line(self) -> bytes:
        line = self.source.readline(PIECE)
        if not line.endswith(b"\n"):
            raise Interrupted
        return line.strip()
