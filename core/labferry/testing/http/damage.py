"""What can happen to an answer's body and to range requests."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from labferry.testing.http.acts import pieces_at
from labferry.testing.http.plan import Surroundings
from labferry.testing.http.response import Ending, Response

_PACE = 0.02


@dataclass(frozen=True)
class Truncate:
    """The body ends after so many bytes.

    Attributes:
        honest: Content-Length says so too, so that only size and checksum can tell; else it
            promises the whole body.
        reset: The connection is reset at that place, not closed.
    """

    at: int
    honest: bool = False
    reset: bool = False

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        response = at.handle()
        pieces = pieces_at(response.chunks, self.at)
        response.chunks = (piece for offset, piece in pieces if offset < self.at)
        if self.honest:
            response.length = min(response.length, self.at)
        else:
            response.ending = Ending.RESET if self.reset else Ending.CLOSE
        return response


@dataclass(frozen=True)
class WrongLength:
    """Content-Length is off by ``by`` bytes; the connection ends with the body."""

    by: int

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        response = at.handle()
        response.length = max(0, response.length + self.by)
        response.ending = Ending.CLOSE
        return response


@dataclass(frozen=True)
class ExtraBytes:
    """More bytes behind the body, counted in Content-Length."""

    data: bytes = b"\0"

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        response = at.handle()
        response.append(self.data)
        response.length += len(self.data)
        return response


@dataclass(frozen=True)
class BitFlip:
    """One bit of the body is wrong; ``offset`` counts from the start of this answer's body."""

    offset: int
    bit: int = 0

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        response = at.handle()
        response.chunks = self._flipped(response.chunks)
        return response

    def _flipped(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for offset, piece in pieces_at(chunks, self.offset):
            if offset == self.offset:
                yield bytes([piece[0] ^ (1 << self.bit)]) + piece[1:]
            else:
                yield piece


@dataclass(frozen=True)
class Slow:
    """The body comes at so many bytes a second."""

    bytes_per_second: float

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        response = at.handle()
        chunks = response.chunks
        step = max(1, int(self.bytes_per_second * _PACE))

        def paced() -> Iterator[bytes]:
            for chunk in chunks:
                for start in range(0, len(chunk), step):
                    piece = chunk[start : start + step]
                    yield piece
                    if at.stopping.wait(len(piece) / self.bytes_per_second):
                        response.ending = Ending.CLOSE
                        return

        response.chunks = paced()
        return response


@dataclass(frozen=True)
class IgnoreRange:
    """A request for a part is answered with 200 and the whole."""

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        del at.request.headers["range"]
        return at.handle()


@dataclass(frozen=True)
class WrongContentRange:
    """A 206 whose Content-Range claims another place than was asked for."""

    shift: int = 1

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        response = at.handle()
        claimed = response.headers.get("Content-Range", "")
        response.headers.update({"Content-Range": self._shifted(claimed)} if claimed else {})
        return response

    def _shifted(self, claimed: str) -> str:
        return re.sub(r"(\d+)-(\d+)", lambda m: f"{self._add(m[1])}-{self._add(m[2])}", claimed)

    def _add(self, number: str) -> int:
        return int(number) + self.shift


@dataclass(frozen=True)
class ChangedETag:
    """The object has another ETag now: If-Range does not match, and the whole comes with 200.

    Plan it with ``times=None`` for an object that stays changed.
    """

    etag: str = '"changed"'

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        headers = at.request.headers
        # Against the ETag claimed here, not against the one the server would compare with.
        del headers["range" if headers.get("if-range", self.etag) != self.etag else "if-range"]
        response = at.handle()
        response.headers["ETag"] = self.etag
        return response
