"""What goes back over the wire, whichever server is simulated."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus

HTML = "text/html;charset=UTF-8"


class Ending(Enum):
    """What happens to the connection after the response."""

    KEEP_ALIVE = auto()
    CLOSE = auto()
    RESET = auto()


@dataclass
class Response:
    """What will be sent. ``length`` is what Content-Length claims; ``status`` 0 is silence.

    Attributes:
        chunked: The body goes out in chunks, without any Content-Length.
    """

    status: int
    headers: dict[str, str]
    length: int
    chunks: Iterator[bytes]
    ending: Ending = Ending.KEEP_ALIVE
    chunked: bool = False

    @classmethod
    def of(cls, status: int, body: bytes, content_type: str, **headers: str) -> "Response":
        """A response with a small body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, {"Content-Type": content_type, **named}, len(body), iter([body]))

    @classmethod
    def silence(cls, ending: Ending) -> "Response":
        """No answer at all: the connection just ends."""
        return cls(0, {}, 0, iter(()), ending)

    def append(self, more: bytes) -> None:
        """Put more bytes behind the body; ``length`` stays."""
        self.chunks = itertools.chain(self.chunks, [more])


def html_response(status: int, title: str | None = None) -> Response:
    """An HTML page, as Tomcat, a proxy or an application's own error pages send it."""
    title = title or f"HTTP Status {status} - {HTTPStatus(status).phrase}"
    page = f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1></body>"
    return Response.of(status, f"{page}</html>\n".encode(), HTML)
