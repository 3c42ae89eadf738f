"""The exports of a run, and which lane may take which."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Condition
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
    """Exports in the order to do them in; each lane takes the first that suits it.

    Sources are planned side by side, so tasks may come until the queue is closed.
    """

    def __init__(self) -> None:
        self._waiting: list[ExportTask] = []
        self._is_closed = False
        self._changed = Condition()

    def put(self, tasks: Iterable[ExportTask]) -> None:
        """Add what lanes are to do."""
        with self._changed:
            self._waiting += tasks
            self._changed.notify_all()

    def close(self) -> None:
        """No more will come: a lane that finds nothing to do ends."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def take(self, lane: str) -> ExportTask | None:
        """The next export for a lane; waits for it. None once nothing is left for the lane."""
        with self._changed:
            while True:
                for index, task in enumerate(self._waiting):
                    if lane in task.lanes:
                        return self._waiting.pop(index)
                if self._is_closed:
                    return None
                self._changed.wait()
