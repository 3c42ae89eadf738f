"""Hands archives from lanes to destinations, and counts who still holds one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from queue import Queue
from threading import Lock

from labferry.ledger import DeliveryState, Ledger
from labferry.sdk import LabferryError
from labferry.spool import SpoolArchive
from labferry.sync.export_task import ExportTask


@dataclass(frozen=True, slots=True)
class DeliveryTask:
    """What a destination is to store."""

    export: ExportTask
    archive: SpoolArchive


class Signal(Enum):
    """What a destination learns, besides being handed archives."""

    SOON = "soon"
    """An archive is likely to come."""

    END = "end"
    """No more will come."""


class DeliveryQueue(Queue[DeliveryTask | Signal]):
    """What one destination is to do, and the end."""

    @property
    def has_verified(self) -> bool:
        """Whether an archive waits here that can be stored at once."""
        with self.mutex:
            return any(
                isinstance(each, DeliveryTask) and each.archive.is_verified for each in self.queue
            )


class FanOut:
    """Puts archives on the queues of the destinations that lack them.

    Args:
        ledger: Knows which destinations have an archive already.
        routes: For each source, the destinations that are to get its archives.
        queues: The destinations at work in this run.
        settled: Called once for each archive when every destination that was handed it is
            through with it, whether it has it or not.
    """

    def __init__(
        self,
        ledger: Ledger,
        routes: Mapping[str, tuple[str, ...]],
        queues: Mapping[str, DeliveryQueue],
        settled: Callable[[ExportTask, SpoolArchive], None],
    ) -> None:
        self._ledger = ledger
        self._routes = routes
        self._queues = queues
        self._settled = settled
        self._lock = Lock()
        self._open: dict[SpoolArchive, int] = {}

    def announce(self, source: str) -> None:
        """Have the destinations of a source get ready: the server makes an archive for them."""
        self._put((name for name in self._routes[source] if name in self._queues), Signal.SOON)

    def offer(self, task: ExportTask, archive: SpoolArchive) -> None:
        """Hand an archive to every destination that is to get it and lacks it."""
        export = task.export
        self._ledger.expect(export.id, self._routes[export.source])
        lacking = [
            delivery.destination
            for delivery in self._ledger.deliveries(export.id)
            if delivery.state is not DeliveryState.STORED and delivery.destination in self._queues
        ]
        # One more than there are deliveries: the lane itself, until it is through with the archive.
        with self._lock:
            self._open[archive] = len(lacking) + 1
        self._put(lacking, DeliveryTask(task, archive))

    def done(self, task: ExportTask, archive: SpoolArchive) -> None:
        """One of those who hold an archive is through with it."""
        with self._lock:
            self._open[archive] -= 1
            is_last = self._open[archive] == 0
            if is_last:
                del self._open[archive]
        if is_last:
            self._settled(task, archive)

    def abandon(self, error: LabferryError) -> None:
        """Make every reader of every archive raise `error`."""
        with self._lock:
            for archive in self._open:
                archive.refuse(error)

    def close(self) -> None:
        """Let the destinations know that no more will come."""
        self._put(self._queues, Signal.END)

    def _put(self, destinations: Iterable[str], what: DeliveryTask | Signal) -> None:
        for destination in destinations:
            self._queues[destination].put(what)
