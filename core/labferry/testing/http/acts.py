"""What can happen to a request as a whole: other answers, resets and stalls."""

from collections.abc import Iterator
from dataclasses import dataclass

from labferry.testing.http.plan import Surroundings
from labferry.testing.http.response import HTML, Ending, Response


@dataclass(frozen=True)
class Answer:
    """Another answer. ``after_effect``: the request was carried out, its own answer is lost.

    ``empty`` bodies are the default; see also ``html_answer`` and ``huge_answer``.
    """

    status: int
    body: bytes = b""
    content_type: str = HTML
    after_effect: bool = False
    headers: tuple[tuple[str, str], ...] = ()

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        if self.after_effect:
            at.handle()
        response = Response.of(self.status, self.body, self.content_type)
        response.headers.update(self.headers)
        return response


def html_answer(status: int = 200, *, after_effect: bool = False) -> Answer:
    """An HTML page, from a proxy or a login form; with status 200 by default."""
    page = b"<!doctype html><html><head><title>Sign in</title></head><body>Hello</body></html>"
    return Answer(status, page, after_effect=after_effect)


def huge_answer(status: int, size: int) -> Answer:
    """An error whose body is far too long to keep."""
    return Answer(status, b"<!-- filler -->" * (size // 15 + 1))


@dataclass(frozen=True)
class Redirect:
    """A redirect to ``location``; if that ends in ``/``, the request's own path is appended."""

    location: str
    status: int = 302

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        path = at.request.path.lstrip("/") if self.location.endswith("/") else ""
        return Response.of(self.status, b"", HTML, Location=self.location + path)


@dataclass(frozen=True)
class Reset:
    """The connection is reset: before anything happened, or after the request took effect."""

    after_effect: bool = False

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        if self.after_effect:
            at.handle()
        return Response.silence(Ending.RESET)


@dataclass(frozen=True)
class Stall:
    """Nothing comes for so many seconds (None: until the server stops), then the rest.

    Attributes:
        after_bytes: Stall inside the body; None: before the answer.
        after_effect: Stall when the request was carried out, not before.
    """

    seconds: float | None = None
    after_bytes: int | None = None
    after_effect: bool = False

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        if self.after_bytes is not None:
            return self._inside(at, self.after_bytes)
        response = at.handle() if self.after_effect else None
        if at.stopping.wait(self.seconds):
            return Response.silence(Ending.CLOSE)
        return response or at.handle()

    def _inside(self, at: Surroundings, after_bytes: int) -> Response:
        response = at.handle()
        pieces = pieces_at(response.chunks, after_bytes)

        def stalled() -> Iterator[bytes]:
            for offset, piece in pieces:
                if offset == after_bytes and at.stopping.wait(self.seconds):
                    response.ending = Ending.CLOSE
                    return
                yield piece

        response.chunks = stalled()
        return response


def pieces_at(chunks: Iterator[bytes], cut: int) -> Iterator[tuple[int, bytes]]:
    """Offsets and pieces of a body, with a boundary between two pieces at ``cut``."""
    offset = 0
    for chunk in chunks:
        inside = cut - offset
        parts = (chunk[:inside], chunk[inside:]) if 0 < inside < len(chunk) else (chunk,)
        for part in parts:
            yield offset, part
            offset += len(part)
