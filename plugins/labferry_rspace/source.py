"""The source: one RSpace server, what to export from it, and the keys to do it with."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from labferry.sdk import Download, ExportRequest, Finding, JobStatus, RefusedError, Severity, Source
from labferry_rspace.address import Address
from labferry_rspace.client import Client
from labferry_rspace.credentials import Credentials, Owner
from labferry_rspace.directory import Directory
from labferry_rspace.downloading import download
from labferry_rspace.planning import Planner
from labferry_rspace.polling import poll
from labferry_rspace.preflight import findings, require_selections, search_finding
from labferry_rspace.settings import RSpaceSettings
from labferry_rspace.submission import Order, submit

__all__ = ["RSpaceSource"]


class RSpaceSource(Source[RSpaceSettings]):
    """Exports of an RSpace electronic lab notebook. Nothing is asked before a method is called."""

    type = "rspace"
    Settings = RSpaceSettings

    def __init__(self, name: str, settings: RSpaceSettings) -> None:
        super().__init__(name, settings)
        self._client = Client(Address.parse(settings.url), settings)
        self._credentials = Credentials(name, settings.keys, self._client)
        self._closed = threading.Event()

    @property
    def url(self) -> str:
        """The server's address, without the API's path."""
        return self._client.address.base

    @property
    def poll_interval(self) -> float:
        """As the settings say."""
        return self.settings.poll_interval.total_seconds()

    @property
    def job_timeout(self) -> float:
        """As the settings say."""
        return self.settings.job_timeout.total_seconds()

    def lanes(self) -> Sequence[str]:
        """One for each user whom a key belongs to. Keys that are refused are logged, by place."""
        return [owner.lane for owner in self._credentials.owners()]

    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        """What to export.

        With scope user or group and no id that is each lane's own work. Lists are read with the
        first key that may.
        """
        owners = [self._credentials.owner(lane) for lane in lanes]
        if self.settings.scope in {"user", "group"} and self.settings.id is None:
            return [request for owner in owners for request in self._planner(owner).plan()]
        for owner in owners[:-1]:
            with contextlib.suppress(RefusedError):
                return self._plan_as(owner)
        return self._plan_as(owners[-1])

    def _plan_as(self, owner: Owner) -> Sequence[ExportRequest]:
        if self.settings.scope in {"selection", "search"}:
            require_selections(self._client, owner.key)
        return self._planner(owner).plan()

    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        """Ask for an export, as `plan` described it."""
        order = Order.of(request)
        return submit(self._client, order, self._credentials.owner(lane).key)

    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        """Ask for a job. Only the user who began it may."""
        return poll(self._client, job, link, self._credentials.owner(lane).key)

    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> AbstractContextManager[Download]:
        """Fetch an archive. RSpace itself sends it whole; from S3 it can be resumed."""
        key = self._credentials.owner(lane).key
        return download(self._client, link, key, offset, validator)

    def check(self) -> Iterator[Finding]:
        """Ask for the version and the keys' owners, and look up what the settings name."""
        yield from findings(self._client, self.settings, self._credentials)
        owner = self._credentials.owners()[0]
        if self.settings.scope == "search":
            require_selections(self._client, owner.key)
            yield search_finding(self._directory(owner), self._planner(owner).search)
            return
        exports = self.plan(self.lanes())
        names = ", ".join(request.title for request in exports[:3])
        more = f" and {len(exports) - 3} more" if len(exports) > 3 else ""  # noqa: PLR2004 - as above
        yield Finding(Severity.OK, f"Would export: {names}{more}.")

    def close(self) -> None:
        """Close connections and end waiting."""
        self._closed.set()
        self._client.close()

    def _planner(self, owner: Owner) -> Planner:
        return Planner(self.settings, owner, self._directory(owner))

    def _directory(self, owner: Owner) -> Directory:
        return Directory(self._client, owner.key, self._closed)
