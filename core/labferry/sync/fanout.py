"""The belts between lanes and destinations, and the count of what is still on them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from queue import SimpleQueue
from threading import Lock

from labferry.ledger import DeliveryState, Ledger
from labferry.sdk import LabferryError
from labferry.spool import SpoolArchive
from labferry.sync.export_task import ExportTask


@dataclass(frozen=True, slots=True)
class DeliveryTask:
    """What a destination is to store."""

    work: ExportTask
    archive: SpoolArchive


class Signal(Enum):
    """What a destination is told, besides being handed archives."""

    SOON = "soon"
    """An archive is likely to come."""

    END = "end"
    """No more will come."""


DeliveryQueue = SimpleQueue[DeliveryTask | Signal]
"""Parcels for one destination, and the end."""


class FanOut:
    """Puts archives on the belts of the destinations that lack them.

    Args:
        ledger: Knows which destinations have an archive already.
        routes: For each source, the destinations that are to get its archives.
        belts: The destinations at work in this run.
        settled: Called once for each archive when every destination that was handed it is
            through with it, whether it has it or not.
    """

    def __init__(
        self,
        ledger: Ledger,
        routes: Mapping[str, tuple[str, ...]],
        belts: Mapping[str, DeliveryQueue],
        settled: Callable[[ExportTask, SpoolArchive], None],
    ) -> None:
        self._ledger = ledger
        self._routes = routes
        self._belts = belts
        self._settled = settled
        self._lock = Lock()
        self._open: dict[SpoolArchive, int] = {}

    def announce(self, source: str) -> None:
        """Have the destinations of a source get ready: the server makes an archive for them."""
        self._put((name for name in self._routes[source] if name in self._belts), Signal.SOON)

    def offer(self, work: ExportTask, archive: SpoolArchive) -> None:
        """Hand an archive to every destination that is to get it and lacks it."""
        export = work.export
        self._ledger.expect(export.id, self._routes[export.source])
        lacking = [
            delivery.destination
            for delivery in self._ledger.deliveries(export.id)
            if delivery.state is not DeliveryState.STORED and delivery.destination in self._belts
        ]
        # One more than there are parcels: the lane itself, until it is through with the archive.
        with self._lock:
            self._open[archive] = len(lacking) + 1
        self._put(lacking, DeliveryTask(work, archive))

    def done(self, work: ExportTask, archive: SpoolArchive) -> None:
        """One of those who hold an archive is through with it."""
        with self._lock:
            self._open[archive] -= 1
            last = self._open[archive] == 0
            if last:
                del self._open[archive]
        if last:
            self._settled(work, archive)

    def abandon(self, error: LabferryError) -> None:
        """Make every reader of every archive raise `error`."""
        with self._lock:
            for archive in self._open:
                archive.refuse(error)

    def close(self) -> None:
        """Tell the destinations that no more will come."""
        self._put(self._belts, Signal.END)

    def _put(self, destinations: Iterable[str], what: DeliveryTask | Signal) -> None:
        for destination in destinations:
            self._belts[destination].put(what)
