"""A source that keeps every promise, over a server that speaks HTTP and lists its jobs."""

import hashlib
import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, Literal

from typing_extensions import override

from labferry.sdk import (
    AnswerLostError,
    Contents,
    Download,
    ExportRequest,
    Finding,
    IntegrityError,
    JobState,
    JobStatus,
    JsonValue,
    NotFoundError,
    Offer,
    Secret,
    Severity,
    Source,
    SourceSettings,
    TransientError,
)
from labferry.sdk.http import Answer, HttpClient, judge
from labferry.sdk.http_headers import length, retry_after

WEB_KEY = "w3b-n0tebook-s3cr3t"


class WebServer(ThreadingHTTPServer):
    """Keeps jobs until they are deleted.

    Attributes:
        text: What is exported.
        begun: How many exports it began.
        jobs: How often each was asked for.
        fails: Whether exports fail.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.text = "From the ashes a fire shall be woken. " * 100
        self.begun = 0
        self.jobs: dict[str, int] = {}
        self.fails = False
        self.url = f"http://127.0.0.1:{self.server_port}"

    def archive(self, job: str) -> bytes:
        """What a job exported: the first line is the server's own."""
        return f"export {job}\n{self.text}\nend".encode()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as in the standard library
        """Clients leave as they like."""


class _Handler(BaseHTTPRequestHandler):
    server: WebServer

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        if self.headers.get("Authorization") != WEB_KEY:
            self._send(401, {"message": "no such key"})
            return
        match method, *self.path.strip("/").split("/"):
            case "POST", "jobs":
                self.server.begun += 1
                job = str(self.server.begun)
                self.server.jobs[job] = 0
                self._send(201, {"id": job})
            case "GET", "jobs":
                self._send(200, {"jobs": [*self.server.jobs]})
            case "GET", "jobs", job if job in self.server.jobs:
                self.server.jobs[job] += 1
                self._send(200, self._job(job))
            case "DELETE", "jobs", job if job in self.server.jobs:
                del self.server.jobs[job]
                self._send(200, {})
            case "GET", "files", job if job in self.server.jobs:
                self._send(200, self.server.archive(job))
            case _:
                self._send(404, {"message": "no such thing"})

    def _job(self, job: str) -> dict[str, object]:
        if self.server.jobs[job] < 2:
            return {"id": job, "state": "running"}
        if self.server.fails:
            return {"id": job, "state": "failed", "reason": "Out of memory."}
        content = self.server.archive(job)
        sha256 = hashlib.sha256(content).hexdigest()
        return {"id": job, "state": "done", "size": len(content), "sha256": sha256}

    def _send(self, status: int, content: bytes | dict[str, object]) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response_only(status)
        kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def web_server() -> Iterator[WebServer]:
    server = WebServer()
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    ).start()
    yield server
    server.shutdown()
    server.server_close()


class WebSettings(SourceSettings):
    """The keys of a source of type `web-notebook`."""

    type: Literal["web-notebook"]
    """Which kind of source this is."""

    url: str
    """The server's address."""

    key: Secret
    """The key of the account."""


class WebNotebook(Source[WebSettings]):
    """Exports of a notebook."""

    type = "web-notebook"
    Settings = WebSettings
    poll_interval = 0.01
    job_timeout = 10.0

    def __init__(self, name: str, settings: WebSettings) -> None:
        super().__init__(name, settings)
        self.client = HttpClient(settings.url, read_timeout=10)

    @property
    @override
    def url(self) -> str:
        return self.settings.url

    @property
    def keys(self) -> dict[str, str]:
        return {"Authorization": self.settings.key.reveal()}

    def ask(self, method: str, path: str, *, takes_effect: bool = False) -> Any:  # noqa: ANN401 - JSON
        lost = AnswerLostError if takes_effect else TransientError
        answer = self.client.ask(method, self.url + path, keys=self.keys, lost=lost)
        if not answer.ok:
            raise self.error(answer)
        return answer.json

    def error(self, answer: Answer) -> Exception:
        said = (answer.json or {}).get("message", "") if answer.status == 404 else ""
        return judge(answer, "Asking the notebook", said=said, wait=retry_after(answer.headers))

    @override
    def lanes(self) -> Sequence[str]:
        self.ask("GET", "/jobs")
        return ["alice@notebook"]

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        return [ExportRequest("notebook", "Notebook", {"id": 1})]

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        return self.running(self.ask("POST", "/jobs", takes_effect=True)["id"])

    def running(self, job: str) -> JobStatus:
        return JobStatus(job, f"/jobs/{job}", JobState.RUNNING)

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        return self.status(self.ask("GET", f"/jobs/{job}"), link)

    def status(self, found: dict[str, Any], link: str) -> JobStatus:
        job = found["id"]
        match found["state"]:
            case "done":
                offer = Offer(f"/files/{job}", found["size"], None, ".txt", sha256=found["sha256"])
                return JobStatus(job, link, JobState.COMPLETED, offer=offer)
            case "failed":
                return JobStatus(job, link, JobState.FAILED, reason=found["reason"])
        return self.running(job)

    @contextmanager
    @override
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> Iterator[Download]:
        if not link.startswith("/"):
            raise NotFoundError(f"{link} is not at {self.url}.")
        with self.client.stream("GET", self.url + link, keys=self.keys) as response:
            if response.status != 200:
                raise self.error(response.answer())
            yield Download(0, length(response.headers), None, response.chunks())

    @override
    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents:
        first, _, text = archive.read().partition(b"\n")
        if not first.startswith(b"export ") or not text.endswith(b"\nend"):
            raise IntegrityError("This is no export of the notebook.")
        return Contents(1, hashlib.sha256(text).hexdigest())

    @override
    def note_jobs(self, request: ExportRequest, lane: str) -> JsonValue:
        jobs: list[JsonValue] = self.ask("GET", "/jobs")["jobs"]
        return jobs

    @override
    def find_job(
        self, request: ExportRequest, since: datetime, lane: str, noted: JsonValue
    ) -> JobStatus | None:
        assert isinstance(noted, list)
        new = [job for job in self.ask("GET", "/jobs")["jobs"] if job not in noted]
        return self.running(new[0]) if new else None

    @override
    def release_job(self, job: str, link: str, lane: str) -> None:
        self.ask("DELETE", f"/jobs/{job}")

    @override
    def check(self) -> Iterator[Finding]:
        self.ask("GET", "/jobs")
        yield Finding(Severity.OK, f"{self.url} answers.")

    @override
    def close(self) -> None:
        self.client.close()


def careless(method: str, url: str, key: str) -> tuple[int, dict[str, str], bytes]:
    """What a source asks that does not use labferry's client."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request(method, f"/{path}", headers={"Authorization": key})
    answer = connection.getresponse()
    try:
        body = answer.read()
    except http.client.IncompleteRead as error:
        body = error.partial
    connection.close()
    return answer.status, dict(answer.getheaders()), body
