"""A simulated GitLab: one project, and its export."""

import io
import json
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

TOKEN = "glpat-s3cr3t-t0ken-0123"
_API = "/api/v4"


class GitLab(ThreadingHTTPServer):
    """The server, and what a test may change.

    Attributes:
        asked: How many exports were asked for.
        slowness: How often an export reads as queued before it is finished.
        fails: Whether exports end without an archive.
        old_first: How many downloads give an earlier export.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked = 0
        self.slowness = 2
        self.fails = False
        self.old_first = 0
        self.left = 0
        self.archive = b""

    def export(self, age: float = 0) -> bytes:
        """A new archive, as the server makes it."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name, content in (("./VERSION", b"0.2.4"), ("./tree/project.json", b"{}" * 5000)):
                member = tarfile.TarInfo(name)
                member.size, member.mtime = len(content), int(time.time() - age)
                archive.addfile(member, io.BytesIO(content))
        return packed.getvalue()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: GitLab

    def do_GET(self) -> None:
        """Questions and downloads."""
        server = self.server
        match self._path():
            case "/user":
                self._json({"username": "alice"})
            case "/projects/chemistry%2Fanalysis":
                self._json({"id": 42})
            case "/projects/42/export":
                server.left -= 1
                working = "queued" if server.left > 0 else ""
                self._json({"export_status": working or ("finished" if server.archive else "none")})
            case "/projects/42/export/download" if server.archive:
                old = server.export(age=86400) if server.old_first > 0 else b""
                server.old_first -= 1
                self._send(200, old or server.archive, "application/gzip")
            case None:
                self._json({"message": "401 Unauthorized"}, 401)
            case _:
                self._json({"message": "404 Not Found"}, 404)

    def do_POST(self) -> None:
        """An export is asked for."""
        server = self.server
        match self._path():
            case "/projects/42/export":
                server.asked += 1
                server.left = server.slowness
                server.archive = b"" if server.fails else server.export()
                self._json({"message": "202 Accepted"}, 202)
            case None:
                self._json({"message": "401 Unauthorized"}, 401)
            case _:
                self._json({"message": "404 Not Found"}, 404)

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def _path(self) -> str | None:
        """The path below the API's, if the token is right."""
        right = self.headers.get("PRIVATE-TOKEN") == TOKEN
        return self.path.removeprefix(_API) if right else None

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[GitLab]:
    """A server for each test."""
    gitlab = GitLab()
    thread = threading.Thread(target=gitlab.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield gitlab
    gitlab.shutdown()
    thread.join()
    gitlab.server_close()
