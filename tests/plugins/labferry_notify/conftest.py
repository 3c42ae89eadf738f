"""A monitor on this machine that notes what it is told, and reports of runs to tell."""

import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest
from typing_extensions import override

from labferry.sdk import (
    Checked,
    ExportReport,
    Freshness,
    Outcome,
    Receipt,
    RunReport,
    RunStarted,
)

TOKEN = "c4nary-0123456789-abcdef"
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """One request that a monitor got."""

    method: str
    path: str
    query: dict[str, str]
    body: str


@dataclass
class Monitor:
    """A server; it answers 200 unless told otherwise."""

    url: str
    told: list[Told] = field(default_factory=list)
    answers: deque[tuple[int, dict[str, str], str]] = field(default_factory=deque)
    delay: float = 0.0

    @property
    def paths(self) -> list[str]:
        """What was asked for, below the token."""
        return [told.path.removeprefix(f"/{TOKEN}") for told in self.told]


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Tests' output stays clean."""

    def _serve(self) -> None:
        monitor = self.server.monitor
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        monitor.told.append(Told(self.command, parts.path, dict(parse_qsl(parts.query)), body))
        time.sleep(monitor.delay)
        status, headers, text = monitor.answers.popleft() if monitor.answers else (200, {}, "OK")
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())
        except OSError:
            """The client had no patience."""

    do_GET = do_POST = _serve  # noqa: N815 - http.server's names


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    monitor: Monitor


@pytest.fixture
def monitors() -> Iterator[Callable[..., Monitor]]:
    """Start a monitor, over TLS if a context is given."""
    servers: list[_Server] = []

    def start(context: ssl.SSLContext | None = None) -> Monitor:
        server = _Server(("127.0.0.1", 0), _Handler)
        scheme = "http"
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            scheme = "https"
        host = "localhost" if context else "127.0.0.1"
        server.monitor = Monitor(f"{scheme}://{host}:{server.server_address[1]}/{TOKEN}")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server.monitor

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def monitor(monitors: Callable[..., Monitor]) -> Monitor:
    return monitors()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labferry_notify.sending._PAUSES", (0.0, 0.0))


@pytest.fixture
def started() -> RunStarted:
    return RunStarted(12, STARTED, ("chem",), ("nas", "offsite"))


@pytest.fixture
def good() -> RunReport:
    """A run after which all is well."""
    receipts = tuple(
        Receipt(name, "chem-1", "chem/2026/chem-1.zip", 1000, Checked.READ_BACK)
        for name in ("nas", "offsite")
    )
    export = ExportReport(
        *("chem", "group 23", "group 23", Outcome.STORED, 0, "chem-1", 1000, receipts, (), 60.25)
    )
    return RunReport(
        run=12,
        started=STARTED,
        ended=STARTED + timedelta(seconds=90.5),
        exit_code=0,
        exports=(export,),
        problems=(),
        freshness=(
            Freshness(
                *("chem", "nas", STARTED, 1000, 3, STARTED - timedelta(days=2)),
                last_success=STARTED,
                seconds=61.5,
            ),
            Freshness("chem", "offsite", STARTED, 1000, 2, last_success=STARTED),
        ),
        complete=True,
        previous_exit_code=0,
        log=("info: nas: stored chem/2026/chem-1.zip (read-back)",),
    )


@pytest.fixture
def bad(good: RunReport) -> RunReport:
    """A run in which one destination failed."""
    (export,) = good.exports
    problem = "offsite: The disk is full."
    export = replace(
        *(export,),
        outcome=Outcome.FAILED,
        exit_code=1,
        receipts=export.receipts[:1],
        problems=(problem,),
    )
    failing = replace(good.freshness[1], pending=1, problem="The disk is full.")
    return replace(
        good,
        exit_code=3,
        exports=(export,),
        freshness=(good.freshness[0], failing),
        complete=False,
        log=(*good.log, "warning: offsite: no space left"),
    )


@pytest.fixture
def unfinished(good: RunReport) -> RunReport:
    """A run that left an export to the next one."""
    (export,) = good.exports
    export = replace(export, outcome=Outcome.PENDING, exit_code=75, receipts=())
    return replace(good, exit_code=75, exports=(export,), complete=False)
