"""Exports of the notebook: what a source of type `rspace` does."""

import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

from typing_extensions import override

from labferry.sdk import (
    Contents,
    ExportRequest,
    Finding,
    InvalidAnswerError,
    JobStatus,
    LabferryError,
    RefusedError,
    Severity,
)
from labferry_rspace.budget import shortage
from labferry_rspace.directory import Directory
from labferry_rspace.examining import examine
from labferry_rspace.idleness import ChangeWatch
from labferry_rspace.lanes import Owner
from labferry_rspace.planning import Planner
from labferry_rspace.poll_pace import Pace
from labferry_rspace.polling import poll
from labferry_rspace.preflight import (
    findings,
    group_finding,
    require_selections,
    search_findings,
)
from labferry_rspace.session import Session
from labferry_rspace.settings import RSpaceSettings
from labferry_rspace.submission import Order, submit

_logger = logging.getLogger(__name__)


class NotebookSession(Session[RSpaceSettings]):
    """Exports of an RSpace electronic lab notebook."""

    def __init__(self, name: str, settings: RSpaceSettings) -> None:
        super().__init__(name, settings)
        self.pace = Pace(settings.poll_interval.total_seconds())
        self._gaps: list[LabferryError] = []
        self._listed: frozenset[int] | None = None
        self._watches: dict[str, ChangeWatch] = {}
        self._lock = threading.Lock()

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

    @override
    def problems(self) -> Sequence[LabferryError]:
        """Keys that are refused, and what the server's lists and searches may lack."""
        return (*super().problems(), *self._gaps)

    @override
    def vanished(self, known: Sequence[ExportRequest]) -> Sequence[ExportRequest]:
        """Users or groups that the server no longer lists at all.

        That is not known with scope user or with an id, and if a list or a key may lack some.
        """
        scope = {"all-users": "user"}.get(self.settings.scope, "group")
        listed = self._listed
        if listed is None or self.credentials.refused():
            return ()
        orders = [(request, _order(request)) for request in known]
        return [
            request
            for request, order in orders
            if order is not None and order.scope == scope and order.id not in {None, *listed}
        ]

    def _planned(self, owners: Sequence[Owner]) -> Sequence[ExportRequest]:
        self._gaps, self._listed = [], None
        if self.settings.scope in {"user", "group"} and self.settings.id is None:
            requests = [request for owner in owners for request in self._plan_own(owner)]
            # Where a group has several PIs, each of their keys would export it.
            return [*{request.series: request for request in reversed(requests)}.values()][::-1]
        for owner in owners[:-1]:
            with contextlib.suppress(RefusedError):
                return self._plan_as(owner)
        return self._plan_as(owners[-1])

    def _plan_as(self, owner: Owner) -> Sequence[ExportRequest]:
        if self.settings.scope in {"selection", "search"}:
            require_selections(self.client, owner.key)
        return self._plan_own(owner)

    def _plan_own(self, owner: Owner) -> Sequence[ExportRequest]:
        planner = self._planner(owner)
        requests = planner.plan()
        self._gaps += planner.problems
        if planner.listed is not None:
            self._listed = planner.listed | (self._listed or frozenset())
        return requests

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
        """Whether nothing of an export changed, as `ChangeWatch.is_idle` says.

        The server is asked once for each key, however many exports there are.

        Args:
            request: What would be asked for: with the same parameters as last time, or the answer
                means nothing.
            since: When that was asked for, not when it was stored: what changed while the server
                was exporting may be missing in the archive.
            lane: Whose key to ask with.
        """
        owner = self.credentials.owner(lane)
        with self._lock:
            watch = self._watches.setdefault(lane, ChangeWatch(self._directory(owner), owner))
        return watch.is_idle(Order.of(request), since)

    @override
    def check(self) -> Iterator[Finding]:
        """Ask for the version and the keys' owners, and look up what the settings name."""
        yield from findings(self.client, self.settings, self.credentials)
        owners = self.credentials.owners()
        if self.settings.scope == "search":
            require_selections(self.client, owners[0].key)
            yield from search_findings(self._directory(owners[0]), self._planner(owners[0]).search)
            return
        exports = self._planned(owners)
        names = ", ".join(request.title for request in exports[:3])
        more = f" and {len(exports) - 3} more" if len(exports) > 3 else ""  # noqa: PLR2004 - as above
        yield Finding(Severity.OK, f"Would export: {names}{more}.")
        for gap in self._gaps:
            yield Finding(Severity.WARNING, str(gap))
        if self.settings.scope == "group":
            views = [(owner, self._directory(owner)) for owner in owners]
            for number in (Order.of(request).id for request in exports):
                if number is not None:
                    yield group_finding(number, views)
        warning = self._shortage(len(exports), owners)
        if warning:
            yield Finding(Severity.WARNING, warning)

    def _planner(self, owner: Owner) -> Planner:
        return Planner(self.settings, owner, self._directory(owner))

    def _directory(self, owner: Owner) -> Directory:
        return Directory(self.client, owner.key)


def _order(request: ExportRequest) -> Order | None:
    """What a request of any earlier configuration asks for, if that can still be read."""
    try:
        return Order.of(request)
    except InvalidAnswerError:
        return None
