"""One of the two addresses of the simulated server: reads requests whole, and answers them."""

import ssl
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from labferry.testing.http.listener import Connection, Listener
from labferry.testing.http.response import Response
from labferry.testing.rspace.messages import Request


def origin(
    name: str, answer: Callable[[Request], Response], tls: ssl.SSLContext | None
) -> Listener:
    """A listener that answers; ``name`` is ``api`` or ``s3``."""
    return Listener(
        "labferry-simulated-rspace", lambda connection: answer(_request(name, connection)), tls
    )


def _request(name: str, connection: Connection) -> Request:
    size = int(connection.headers.get("Content-Length") or 0)
    target = urlsplit(connection.path)
    return Request(
        origin=name,
        method=connection.command,
        path=unquote(target.path),
        query=target.query,
        headers=connection.headers,
        body=connection.rfile.read(size),
    )
