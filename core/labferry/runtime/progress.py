"""What is going on right now, for whoever wants to show it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Self

from typing_extensions import override

from labferry.runtime.rates import RateMeter
from labferry.sdk import Archive, ArchiveReader, Digests, LabferryError, Pacer


class ActivityKind(StrEnum):
    """What somebody is busy with."""

    PLAN = "plan"
    """A source says what there is to export; not counted."""

    EXPORT = "export"
    """The server makes an archive; counted in percent."""

    DOWNLOAD = "download"
    """An archive comes into the spool; counted in bytes."""

    STORE = "store"
    """An archive goes to a destination; counted in bytes."""

    VERIFY = "verify"
    """A stored copy is read back; counted in bytes."""


@dataclass(slots=True, eq=False)
class Activity:
    """One thing that takes its time. Whoever does it writes, whoever shows it reads.

    Attributes:
        kind: What it is.
        subject: What it is about, for people.
        total: How much there is to do; None where nobody knows.
        done: How much of that is done.
        pace: How fast that goes, in seconds of the monotonic clock.
        waiting_for: Why nothing goes on at the moment, for people; empty if it does.
    """

    kind: ActivityKind
    subject: str
    total: float | None = None
    done: float = 0
    pace: RateMeter = field(default_factory=RateMeter)
    waiting_for: str = ""

    def become(self, kind: ActivityKind, total: float | None) -> None:
        """Go over to what comes next."""
        self.kind, self.total, self.done, self.pace = kind, total, 0, RateMeter()

    @contextmanager
    def wait_for(self, reason: str) -> Iterator[None]:
        """Say, until the block ends, why nothing goes on."""
        self.waiting_for = reason
        try:
            yield
        finally:
            self.waiting_for = ""

    def reach(self, done: float) -> None:
        """Come so far."""
        self.done = done
        self.pace.note(time.monotonic(), done)


@dataclass(frozen=True, slots=True)
class Progress:
    """The activities of a run."""

    _current: list[Activity] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def activity(
        self, kind: ActivityKind, subject: str, total: float | None = None
    ) -> Iterator[Activity]:
        """Put something up while it is being done."""
        activity = Activity(kind, subject, total)
        with self.showing(activity):
            yield activity

    @contextmanager
    def showing(self, activity: Activity) -> Iterator[None]:
        """Put something up that exists already."""
        with self._lock:
            self._current.append(activity)
        try:
            yield
        finally:
            with self._lock:
                self._current.remove(activity)

    def current(self) -> Sequence[Activity]:
        """What is going on, oldest first."""
        with self._lock:
            return tuple(self._current)


class TrackedArchive(Archive):
    """An archive for one attempt to store it: it notes how far its readers got, and their errors.

    Args:
        archive: The archive.
        reached: Called with the offset that a reader has come to.
        pacer: Holds all readers together to the destination's `bandwidth_limit`, whether or not
            its sink heeds it.
    """

    def __init__(
        self, archive: Archive, reached: Callable[[int], None], pacer: Pacer | None = None
    ) -> None:
        self.id = archive.id
        self.source = archive.source
        self.key = archive.key
        self.size = archive.size
        self.crc32 = archive.crc32
        self._archive = archive
        self._reached = reached
        self._pacer = pacer or Pacer(None)
        self._failure: LabferryError | None = None

    @override
    def open(self, offset: int = 0) -> ArchiveReader:
        return _TrackedReader(self._archive.open(offset), self._came, self._note)

    @override
    def digests(self) -> Digests:
        self.require_unbroken()
        return self._archive.digests()

    def require_unbroken(self) -> None:
        """Raise what a reader raised before, if one did.

        A sink that swallowed it may hold part of the archive, or of two different downloads.
        """
        if self._failure is not None:
            raise self._failure.with_traceback(None)

    def _came(self, offset: int, count: int) -> None:
        self._pacer.take(count)
        self._reached(offset)

    def _note(self, failure: LabferryError) -> None:
        self._failure = self._failure or failure


class _TrackedReader(ArchiveReader):
    def __init__(
        self,
        reader: ArchiveReader,
        came: Callable[[int, int], None],
        failed: Callable[[LabferryError], None],
    ) -> None:
        self._reader = reader
        self._came = came
        self._failed = failed

    @override
    def read(self, size: int = -1, /) -> bytes:
        with self._noted():
            data = self._reader.read(size)
            self._came(self._reader.tell(), len(data))
        return data

    @override
    def readinto(self, buffer: bytearray | memoryview, /) -> int:
        with self._noted():
            count = self._reader.readinto(buffer)
            self._came(self._reader.tell(), count)
        return count

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except LabferryError as error:
            self._failed(error)
            raise

    @override
    def tell(self) -> int:
        return self._reader.tell()

    @override
    def close(self) -> None:
        self._reader.close()

    @override
    def __enter__(self) -> Self:
        return self

    @override
    def __exit__(self, *_: object) -> None:
        self.close()
