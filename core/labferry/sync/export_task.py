"""The exports of a run, and which lane may take which."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from labferry.ledger import Export
from labferry.sdk import LabferryError, Source


@dataclass(slots=True)
class ExportTask:
    """One export that this run works on.

    Attributes:
        source: Its source.
        export: How far it is; replaced as it goes on.
        lanes: The lanes that may take it.
        problems: What went wrong in this run, apart from what the job itself records.
    """

    source: Source[Any]
    export: Export
    lanes: frozenset[str]
    problems: list[LabferryError] = field(default_factory=list)


class ExportQueue:
    """Exports in the order to do them in; each lane takes the first that suits it."""

    def __init__(self, work: Iterable[ExportTask]) -> None:
        self._waiting = list(work)
        self._lock = Lock()

    @property
    def lanes(self) -> frozenset[str]:
        """The lanes for which there is work."""
        return frozenset[str]().union(*(work.lanes for work in self._waiting))

    def take(self, lane: str) -> ExportTask | None:
        """The next export for a lane, or None where nothing is left for it."""
        with self._lock:
            for index, work in enumerate(self._waiting):
                if lane in work.lanes:
                    return self._waiting.pop(index)
        return None
