"""A proxy in front of a store that goes wrong as told, and remembers what it was asked."""

import base64
import hashlib
import http.client
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from typing_extensions import override

Action = Literal["answer", "reset", "lose answer", "stall", "cut answer", "flip", "forge"]
Rewrite = Callable[["Reply"], None]
_ERROR = "<Error><Code>{}</Code><Message>{}</Message></Error>"


@dataclass
class Fault:
    """What shall go wrong.

    Attributes:
        match: A pattern for `METHOD /path?query`.
        action: What happens: another answer, a reset before or after the store has it, a body
            that is never taken, an answer that ends too early, a changed byte, a changed byte
            with an MD5 to match.
        times: How often; then all is well.
        status: The other answer's status.
        code: Its code.
        words: What it says.
        headers: Its headers.
    """

    match: str
    action: Action
    times: int = 1
    status: int = 503
    code: str = "SlowDown"
    words: str = "Please wait."
    headers: dict[str, str] = field(default_factory=dict)
    done: int = 0


@dataclass
class Reply:
    """The store's answer on its way back, to be changed.

    Attributes:
        request: What was asked, as `METHOD /path?query`.
        asked: The header fields of the request.
        status: The status.
        headers: The header fields, by their names in lower case.
        body: The body.
    """

    request: str
    asked: Message
    status: int
    headers: dict[str, str]
    body: bytes


class Proxy:
    """The proxy.

    Attributes:
        requests: What was asked, as `METHOD /path?query`, but for what a fault kept back.
        heads: The header fields of each request that was passed on, by what was asked.
    """

    def __init__(self, target: str) -> None:
        self.target = target.removeprefix("http://")
        self.requests: list[str] = []
        self.heads: dict[str, Message] = {}
        self.faults: list[Fault] = []
        self.rewrites: list[tuple[str, Rewrite]] = []
        self.refusals: list[tuple[Callable[[str, Message], bool], Fault]] = []
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._server.proxy = self  # type: ignore[attr-defined]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def fail(self, match: str, action: Action, **how: object) -> Fault:
        fault = Fault(match, action, **how)  # type: ignore[arg-type]
        self.faults.append(fault)
        return fault

    def rewrite(self, match: str, change: Rewrite) -> None:
        """Change each answer to what matches."""
        self.rewrites.append((match, change))

    def refuse(self, is_refused: Callable[[str, Message], bool], status: int, code: str) -> None:
        """Refuse what a function says is to be refused; the store does not see it."""
        self.refusals.append((is_refused, Fault("", "answer", status=status, code=code)))

    def strip(self, match: str, *names: str) -> None:
        """Leave header fields out of each answer to what matches."""

        def stripped(reply: Reply) -> None:
            for name in names:
                reply.headers.pop(name, None)

        self.rewrite(match, stripped)

    def asked(self, match: str) -> list[str]:
        with self._lock:
            return [each for each in self.requests if re.search(match, each)]

    def take(self, request: str, head: Message) -> Fault | None:
        with self._lock:
            self.requests.append(request)
            for fault in self.faults:
                if fault.done < fault.times and re.search(fault.match, request):
                    fault.done += 1
                    return fault
            refusals = (fault for is_refused, fault in self.refusals if is_refused(request, head))
            return next(refusals, None)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        fault = proxy.take(f"{self.command} {self.path}", self.headers)
        action = fault.action if fault else None
        if action == "stall":
            proxy.released.wait()
        if action in {"stall", "reset"}:
            self._reset()
        elif action == "answer" and fault is not None:
            self._answer(fault)
        else:
            self._forward(proxy, action)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _handle  # noqa: N815 - as http.server wants

    def _answer(self, fault: Fault) -> None:
        self._body()
        data = _ERROR.format(fault.code, fault.words).encode()
        self.send_response(fault.status)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else data)

    def _forward(self, proxy: Proxy, action: Action | None) -> None:
        body = bytearray(self._body())
        if action in {"flip", "forge"}:
            body[len(body) // 2] ^= 1
        if action == "forge":
            del self.headers["Content-MD5"]
            md5 = hashlib.md5(body, usedforsecurity=False).digest()
            self.headers["Content-MD5"] = base64.b64encode(md5).decode()
        proxy.heads[f"{self.command} {self.path}"] = self.headers
        backend = http.client.HTTPConnection(proxy.target, timeout=60)
        try:
            backend.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                backend.putheader(name, value)
            backend.endheaders(bytes(body))
            answer = backend.getresponse()
            if action == "lose answer":
                answer.read()
                self._reset()
            else:
                self._pass_on(proxy, answer, cut=action == "cut answer")
        finally:
            backend.close()

    def _pass_on(self, proxy: Proxy, answer: http.client.HTTPResponse, *, cut: bool) -> None:
        data = b"" if self.command == "HEAD" else answer.read()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        request = f"{self.command} {self.path}"
        reply = Reply(request, self.headers, answer.status, headers, data)
        for match, change in proxy.rewrites:
            if re.search(match, request):
                change(reply)
        data = reply.body
        self.send_response_only(reply.status)
        if self.command != "HEAD":
            reply.headers["content-length"] = str(len(data))
        for name, value in reply.headers.items():
            if name not in {"transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # whoever asked may be gone by now
            self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self._reset()

    def _body(self) -> bytes:
        length = int(self.headers.get("Content-Length", 0))
        return self.rfile.read(length)

    def _reset(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass
