"""The look at a destination with which a run begins: is it the same as before, and not emptied?"""

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from threading import Event
from typing import Any

from labferry.copies.query import LISTING, committed, repair_hint
from labferry.ledger import Copy, Ledger
from labferry.runtime.clock import Clock
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.retry import RetryPolicy, retry
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Checked,
    ExitCode,
    IntegrityError,
    LabferryError,
    RefusedError,
    Sink,
    SinkTraits,
    StoppedError,
    TransientError,
    redact,
)

_log = logging.getLogger(__name__)
_PATIENCE = 120.0
"""Seconds to wait for a destination before it is said that it does not answer."""
_MOMENT = 0.05


class DestinationCheck:
    """Finds out whether a destination is the same as before, and has the newest archives.

    What it finds is in the ledger afterwards: a copy that is gone or too short has a problem, and
    the copies of another medium are away. Neither counts as stored.

    Args:
        name: The destination's name in the configuration.
        sources: The sources whose archives go there, and whether each may leave out what is stored
            already.
        ledger: The ledger.
        clock: The time.
        stop: Ends the waiting.

    Attributes:
        problem: Why the look failed.
        is_relied_on: Whether anything was left out in the belief that it is stored there.
    """

    def __init__(
        self, name: str, sources: Mapping[str, bool], ledger: Ledger, clock: Clock, stop: Stop
    ) -> None:
        self.problem: LabferryError | None = None
        self.is_relied_on = False
        self._name = name
        self._sources = sources
        self._ledger = ledger
        self._clock = clock
        self._stop = stop
        self._is_over = Event()
        self._lacks_marker = False

    def wait(self) -> None:
        """Wait until the look is over; a destination that does not answer is not waited for.

        Raises:
            StoppedError: A signal came.
        """
        self.is_relied_on = True
        until = time.monotonic() + _PATIENCE
        while not self._is_over.wait(_MOMENT):
            self._stop.check()
            if time.monotonic() > until:
                self.problem = self._unknown(TransientError("It does not answer."))
                return

    def finish(self) -> None:
        """Let those who wait go on."""
        self._is_over.set()

    def look(
        self, make_sink: Callable[[], Sink[Any]], traits: SinkTraits
    ) -> Iterator[LabferryError]:
        """Look, and yield what is wrong; the ledger knows it by then.

        Args:
            make_sink: Makes the destination's sink; it is closed afterwards, as what comes next
                may take hours.
            traits: What its kind can do.

        Raises:
            StoppedError: A signal came.
        """
        if not traits.has_marker and not any(self._newest()):
            return
        # If nothing can be left out, a store follows, and says what is wrong.
        policy = LISTING if any(self._sources.values()) else RetryPolicy(tries=1)
        found: list[LabferryError] = []

        def once() -> None:
            with closing(make_sink()) as sink:
                found.extend(self._recognise(sink))
                found.extend(self._missing(sink))

        try:
            retry(once, self._stop, f"{self._name}: looking at it", policy)
        except StoppedError:
            raise
        except Exception as error:  # noqa: BLE001 - a stranger's sink must not end the run
            self.problem = self._unknown(wrap_plugin_error(error, f"The sink of {self._name}"))
        yield from found

    def mark(self, sink: Sink[Any]) -> None:
        """Give a destination a marker if it has none; call it once something is stored there."""
        if not self._lacks_marker:
            return
        self._lacks_marker = False
        try:
            sink.write_marker(_new_marker())
            content = sink.read_marker()
            if content is not None:
                self._ledger.markers.saw(self._name, _digest(content))
        except Exception as error:  # noqa: BLE001 - a store that takes none keeps archives as well
            problem = wrap_plugin_error(error, f"The sink of {self._name}")
            _log.info("%s: it can't have a marker: %s", self._name, redact(str(problem)))

    def _recognise(self, sink: Sink[Any]) -> Iterator[LabferryError]:
        """Compare the marker with the one that was there before."""
        if not sink.traits.has_marker:
            return
        try:
            content = sink.read_marker()
        except RefusedError as error:
            _log.info("%s: its marker can't be read: %s", self._name, redact(str(error)))
            return
        self._lacks_marker = content is None
        found = None if content is None else _digest(content)
        markers = self._ledger.markers
        before = markers.current(self._name)
        if before is None and found is not None:
            markers.saw(self._name, found)
        elif before not in {None, found}:
            yield from self._another_medium(sink, found)

    def _another_medium(self, sink: Sink[Any], found: str | None) -> Iterator[LabferryError]:
        """Find out which copies another medium has."""
        markers = self._ledger.markers
        is_known = found is not None and markers.knows(self._name, found)
        listed = {stored.manifest.archive_id for stored in committed(sink)}
        lost = markers.saw_another(self._name, found, listed, self._clock.now())
        if not lost:
            _log.info("%s: its marker was removed or replaced; no archive is missing", self._name)
        elif is_known:
            _log.warning(
                "%s: another disk than at the last run is here, as before. Archives that are on "
                "the other one only: %d.",
                self._name,
                lost,
            )
        else:
            yield self._lost(lost, "no marker" if found is None else "another marker")

    def _lost(self, count: int, marker: str) -> LabferryError:
        error = LabferryError(
            f"{self._name}: This is not the place that labferry stored to before: it has {marker}, "
            f"and archives that were stored are missing: {count}.",
            hint="If the disk was exchanged on purpose, nothing is to be done: labferry goes on "
            "here, and knows the other disk again. If not: is the right disk mounted? "
            f"`labferry verify {self._name}` names what is missing.",
        )
        error.exit_code = ExitCode.PARTIAL
        return error

    def _missing(self, sink: Sink[Any]) -> Iterator[LabferryError]:
        """Look for the newest archives."""
        for copy in self._newest():
            self._stop.check()
            problem = self._objection(sink, copy)
            if problem is not None:
                now = self._clock.now()
                self._ledger.copies.check(
                    self._name, copy.archive_id, now, Checked.SIZE, str(problem)
                )
                yield problem

    def _newest(self) -> Iterator[Copy]:
        """The copies of the newest archives that are there by all that is known."""
        for source, may_skip in self._sources.items():
            yield from self._newest_of(source, every_series=may_skip)

    def _newest_of(self, source: str, *, every_series: bool) -> Sequence[Copy]:
        series = {export.request.series for export in self._ledger.newest(source)}
        stored = [self._ledger.last_stored(source, each) for each in sorted(series)]
        newest = sorted((each for each in stored if each is not None), key=lambda each: each.id)
        wanted = newest if every_series else newest[-1:]
        copies = [self._ledger.copies.get(self._name, each.archive_id or "") for each in wanted]
        return [copy for copy in copies if copy and copy.is_present and not copy.problem]

    def _objection(self, sink: Sink[Any], copy: Copy) -> IntegrityError | None:
        """What is wrong with a copy, as far as can be seen without reading it."""
        stored = sink.find(copy.key, copy.version_id)
        if stored is None:
            # Raises if it is the destination itself that is not there, such as a disk.
            next(iter(sink.list()), None)
            what = "is gone, or its manifest is: retention did not remove it."
        elif stored.size != copy.size:
            what = f"is damaged: it has {stored.size} bytes instead of {copy.size}."
        elif not copy.is_of(stored):
            what = "has another manifest than the one that was stored."
        else:
            return None
        hint = repair_hint(self._name, copy.archive_id)
        return IntegrityError(f"{self._name}: {copy.key} {what}", hint=hint)

    def _unknown(self, error: LabferryError) -> LabferryError:
        error.message = (
            f"{self._name}: It is not known whether the newest archives are still there: "
            f"{error.message}"
        )
        return error


def _new_marker() -> bytes:
    document = {
        "labferry_destination": 1,
        "id": str(uuid.uuid4()),
        "about": "labferry knows this destination again by this file. Leave it here.",
    }
    return f"{json.dumps(document, indent=2)}\n".encode()


def _digest(content: bytes) -> str:
    """What a marker is known by, whatever somebody made of it."""
    return hashlib.sha256(content).hexdigest()
