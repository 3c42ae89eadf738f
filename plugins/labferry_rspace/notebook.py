"""Exports of the notebook: what a source of type `rspace` does."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

from typing_extensions import override

from labferry.sdk import Contents, ExportRequest, Finding, JobStatus, RefusedError, Severity
from labferry_rspace.budget import shortage
from labferry_rspace.directory import Directory
from labferry_rspace.examining import examine
from labferry_rspace.idleness import is_idle
from labferry_rspace.lanes import Owner
from labferry_rspace.planning import Planner
from labferry_rspace.poll_pace import Pace
from labferry_rspace.polling import poll
from labferry_rspace.preflight import findings, require_selections, search_finding
from labferry_rspace.session import Session
from labferry_rspace.settings import RSpaceSettings
from labferry_rspace.submission import Order, submit

_logger = logging.getLogger(__name__)


class NotebookSession(Session[RSpaceSettings]):
    """Exports of an RSpace electronic lab notebook."""

    def __init__(self, name: str, settings: RSpaceSettings) -> None:
        super().__init__(name, settings)
        self.pace = Pace(settings.poll_interval.total_seconds())

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        """What to export.

        With scope user or group and no id that is each lane's own work. Lists are read with the
        first key that may. A plan that the server's daily limit can't take is warned about.
        """
        owners = [self.credentials.owner(lane) for lane in lanes]
        requests = self._planned(owners)
        warning = self._shortage(len(requests), owners)
        if warning:
            _logger.warning("Source %s: %s", self.name, warning)
        return requests

    def _planned(self, owners: Sequence[Owner]) -> Sequence[ExportRequest]:
        if self.settings.scope in {"user", "group"} and self.settings.id is None:
            return [request for owner in owners for request in self._planner(owner).plan()]
        for owner in owners[:-1]:
            with contextlib.suppress(RefusedError):
                return self._plan_as(owner)
        return self._plan_as(owners[-1])

    def _plan_as(self, owner: Owner) -> Sequence[ExportRequest]:
        if self.settings.scope in {"selection", "search"}:
            require_selections(self.client, owner.key)
        return self._planner(owner).plan()

    def _shortage(self, exports: int, owners: Sequence[Owner]) -> str:
        return shortage(exports, [self.client.budget(owner.key) for owner in owners])

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        """Ask for an export, as `plan` described it."""
        order = Order.of(request)
        return submit(self.client, order, self.credentials.owner(lane).key)

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        """Ask for a job. Only the user who began it may."""
        return self.pace.paced(poll(self.client, job, link, self.credentials.owner(lane).key))

    @override
    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents:
        """Look inside: a whole zip of one root folder, whose manifest fits what was asked for."""
        verify, address = self.settings.verify_contents, self.client.address
        return examine(archive, Order.of(request), address, verify=verify)

    @override
    def is_idle(self, request: ExportRequest, since: datetime, lane: str) -> bool:
        """Whether nothing of an export changed, as `idleness.is_idle` says.

        Args:
            request: What would be asked for: with the same parameters as last time, or the answer
                means nothing.
            since: When that was asked for, not when it was stored: what changed while the server
                was exporting may be missing in the archive.
            lane: Whose key to ask with.
        """
        owner = self.credentials.owner(lane)
        return is_idle(self._directory(owner), Order.of(request), owner, since)

    @override
    def check(self) -> Iterator[Finding]:
        """Ask for the version and the keys' owners, and look up what the settings name."""
        yield from findings(self.client, self.settings, self.credentials)
        owner = self.credentials.owners()[0]
        if self.settings.scope == "search":
            require_selections(self.client, owner.key)
            yield search_finding(self._directory(owner), self._planner(owner).search)
            return
        owners = self.credentials.owners()
        exports = self._planned(owners)
        names = ", ".join(request.title for request in exports[:3])
        more = f" and {len(exports) - 3} more" if len(exports) > 3 else ""  # noqa: PLR2004 - as above
        yield Finding(Severity.OK, f"Would export: {names}{more}.")
        warning = self._shortage(len(exports), owners)
        if warning:
            yield Finding(Severity.WARNING, warning)

    def _planner(self, owner: Owner) -> Planner:
        return Planner(self.settings, owner, self._directory(owner))

    def _directory(self, owner: Owner) -> Directory:
        return Directory(self.client, owner.key, self.closed)
