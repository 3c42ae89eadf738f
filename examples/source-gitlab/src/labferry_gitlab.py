"""Exports of GitLab projects as a source for labferry."""

import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import chain
from typing import Any, BinaryIO
from urllib.parse import quote, urldefrag

from labferry.sdk import (
    AnswerLostError,
    Contents,
    Download,
    Duration,
    ExportRequest,
    Finding,
    IntegrityError,
    InvalidAnswerError,
    JobState,
    JobStatus,
    NotFoundError,
    Offer,
    Secret,
    Severity,
    Source,
    SourceSettings,
    TransientError,
    hookimpl,
)
from labferry.sdk.http import Answer, HttpClient, Response, judge
from labferry.sdk.http_headers import date, length, retry_after

_WORKING = {"queued", "started", "regeneration_in_progress"}
_BLOCK = 512
_TOLERANCE = 60


class GitLabSettings(SourceSettings):
    """The keys of a source of type `gitlab`."""

    url: str
    """The server's address, such as https://gitlab.example.edu."""

    token: Secret
    """An access token with the scope `api`, of a maintainer of the projects."""

    projects: tuple[str, ...]
    """The projects to export, as in their addresses: `group/name`."""

    poll_interval: Duration = timedelta(minutes=1)
    """How long to wait between two questions about a running export."""

    job_timeout: Duration = timedelta(hours=6)
    """How long an export may take before it is given up."""


class GitLabSource(Source[GitLabSettings]):
    """Exports of GitLab projects. The server declares neither size nor checksum."""

    type = "gitlab"
    Settings = GitLabSettings

    def __init__(self, name: str, settings: GitLabSettings) -> None:
        super().__init__(name, settings)
        self._http: HttpClient | None = None

    @property
    def url(self) -> str:
        """The server's address."""
        return self.settings.url.rstrip("/")

    @property
    def poll_interval(self) -> float:
        """As the settings say."""
        return self.settings.poll_interval.total_seconds()

    @property
    def job_timeout(self) -> float:
        """As the settings say."""
        return self.settings.job_timeout.total_seconds()

    def lanes(self) -> Sequence[str]:
        """The token's user: the only lane."""
        user = self._json("/user", "Asking GitLab whose token this is")
        return [f"{user.get('username')}@{self.url.partition('://')[2]}"]

    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        """One export for each project. Its id stays, whatever it is called tomorrow."""
        requests = []
        for path in dict.fromkeys(self.settings.projects):
            doing = f"Asking GitLab for the project {path}"
            number = self._json(f"/projects/{quote(path, safe='')}", doing).get("id")
            if type(number) is not int:
                raise InvalidAnswerError(f"{doing} was answered without an id.")
            requests.append(ExportRequest(f"project-{number}", path, {"project": number}))
        return requests

    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        """Ask for an export, once. The link notes when, by the server's clock."""
        doing = f"Asking GitLab to export {request.title}"
        link = f"{self.url}/api/v4/projects/{request.parameters['project']}/export"
        answer = self._ask("POST", link, lost=AnswerLostError)
        if answer.status >= 500:
            raise AnswerLostError(f"{doing} was answered with HTTP {answer.status}.")
        if answer.status != 202:
            raise _error(answer, doing)
        moment = int(date(answer.headers).timestamp())
        return JobStatus(job="", link=f"{link}#{moment}", state=JobState.RUNNING)

    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        """Ask for the state of the project's export: it has one at a time, without a name."""
        answer = self._ask("GET", self._own(link))
        if not answer.ok:
            raise _error(answer, "Asking GitLab for the export")
        status = answer.json.get("export_status") if isinstance(answer.json, dict) else None
        was_seen = link.endswith("-seen")
        if status in _WORKING:
            link = link if was_seen else f"{link}-seen"
            return JobStatus(job, link, JobState.RUNNING)
        if status == "finished":
            return JobStatus(job, link, JobState.COMPLETED, offer=Offer(link, suffix=".tar.gz"))
        if status == "none" and was_seen:
            return JobStatus(job, link, JobState.FAILED, reason="it ended without an archive")
        if status == "none":
            return JobStatus(job, link, JobState.RUNNING)
        raise TransientError("Asking GitLab for the export was answered with something else.")

    @contextmanager
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> Iterator[Download]:
        """Fetch the archive from its beginning, from GitLab or from where it keeps its files."""
        doing = "Downloading the export from GitLab"
        with ExitStack() as stack:
            url = f"{self._own(link)}/download"
            response = stack.enter_context(self._client().stream("GET", url, keys=self._keys()))
            place = response.headers.get("location", "")
            if response.status in {302, 303, 307} and place.startswith("https://"):
                # The token stays with GitLab.
                response = stack.enter_context(self._client().stream("GET", place))
            if response.status != 200:
                raise _error(response.answer(), doing)
            chunks = _of_this_job(response, int(link.partition("#")[2].partition("-")[0]))
            yield Download(0, length(response.headers), None, chunks)

    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents:
        """Look whether it is an export. labferry itself tests the checksum of a `.gz` file."""
        try:
            with tarfile.open(fileobj=archive, mode="r:gz") as members:
                names = [member.name.removeprefix("./") for member in members if member.isfile()]
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise IntegrityError(f"The export can't be unpacked: {error}.") from None
        if "VERSION" not in names:
            raise IntegrityError("The archive has no file VERSION: it is no export of GitLab.")
        return Contents(len(names), fingerprint=None)

    def check(self) -> Iterator[Finding]:
        """Look up the token's user and the projects."""
        (lane,) = self.lanes()
        titles = ", ".join(request.title for request in self.plan([lane]))
        yield Finding(Severity.OK, f"Would export as {lane}: {titles}.")

    def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _client(self) -> HttpClient:
        if self._http is None:
            self._http = HttpClient(self.url)
        return self._http

    def _keys(self) -> Mapping[str, str]:
        return {"PRIVATE-TOKEN": self.settings.token.reveal()}

    def _ask(self, method: str, url: str, **more: Any) -> Answer:
        return self._client().ask(method, url, keys=self._keys(), **more)

    def _json(self, path: str, doing: str) -> dict[str, Any]:
        answer = self._ask("GET", f"{self.url}/api/v4{path}")
        if not answer.ok or not isinstance(answer.json, dict):
            raise _error(answer, doing)
        return answer.json

    def _own(self, link: str) -> str:
        """The link without what was noted in it; the token goes to the configured server only."""
        url = urldefrag(link).url
        if not url.startswith(f"{self.url}/api/v4/projects/"):
            raise NotFoundError("The link of the export is not one of this GitLab.")
        return url


def _of_this_job(response: Response, asked_at: int) -> Iterator[bytes | bytearray]:
    """The bytes, unless they are those of an earlier export.

    Until the new one begins, GitLab offers the last one. The first header in the archive says when
    that was made.
    """
    chunks = response.chunks()
    head, unpacked = bytearray(), b""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        for chunk in chunks:
            head += chunk
            unpacked += unpacker.decompress(bytes(chunk), _BLOCK)
            if len(unpacked) >= _BLOCK:
                break
        made_at = tarfile.TarInfo.frombuf(unpacked[:_BLOCK], "utf-8", "replace").mtime
    except (tarfile.TarError, zlib.error):
        raise InvalidAnswerError("GitLab sent something that is no .tar.gz archive.") from None
    if made_at < asked_at - _TOLERANCE:
        raise TransientError("GitLab still offers an earlier export.")
    return chain([bytes(head)], chunks)


def _error(answer: Answer, doing: str) -> Exception:
    said = answer.json.get("message") if isinstance(answer.json, dict) else None
    words = said if isinstance(said, str) else ""
    if answer.status == 404:
        return NotFoundError(f"{doing} was answered with HTTP 404 {words}".rstrip() + ".")
    hint = "Is the token right, has it the scope api, and is its user a maintainer?"
    return judge(answer, doing, said=words, wait=retry_after(answer.headers), key_hint=hint)


@hookimpl
def labferry_sources() -> Sequence[type[Source[Any]]]:
    """The source type `gitlab`."""
    return (GitLabSource,)
