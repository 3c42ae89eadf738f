"""One store or delete that is to be killed at a chosen moment, in whatever way it is run."""

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Literal

from labferry.sdk.settings import JsonValue
from labferry.sdk.sink import Sink
from labferry.testing.samples.archive import SampleArchive
from labferry.testing.samples.content import Content
from labferry.testing.samples.documents import FileCheckpoint, SampleManifest

__all__ = ["Attempt", "Recipe", "StepCounter", "perform"]

_DOING_IO = frozenset({"_io", "_socket", "_ssl", "_thread", "posix", "select"})


@dataclass(frozen=True, slots=True)
class Recipe:
    """How another process makes the sink under test.

    Attributes:
        module: Its class's module.
        file: The file of that module, for one that can't be imported by its name.
        qualname: The class's name within the module.
        settings: Its table in the configuration.
    """

    module: str
    file: str
    qualname: str
    settings: dict[str, JsonValue]

    @classmethod
    def of(cls, sink_class: type[Sink[Any]], settings: dict[str, JsonValue]) -> "Recipe":
        """The recipe for a class."""
        file = sys.modules[sink_class.__module__].__file__ or ""
        return cls(sink_class.__module__, file, sink_class.__qualname__, settings)

    def make(self) -> Sink[Any]:
        """A new sink."""
        sink_class: Any = self._import()
        for name in self.qualname.split("."):
            sink_class = getattr(sink_class, name)
        sink: Sink[Any] = sink_class("scratch", sink_class.Settings.model_validate(self.settings))
        return sink

    def _import(self) -> ModuleType:
        try:
            return importlib.import_module(self.module)
        except ModuleNotFoundError:
            spec = importlib.util.spec_from_file_location(self.module, self.file)
            if spec is None or spec.loader is None:
                raise
            module = sys.modules[self.module] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module


@dataclass(frozen=True, slots=True)
class Attempt:
    """What to do, and where to be killed.

    Attributes:
        verb: Which of the sink's methods to call.
        job: The sample archive's job number.
        size: Its size in bytes.
        folder: Where its checkpoint lies.
        read_limit: Killed when this many bytes have been read.
        share: Killed when this share of the remaining I/O calls is done: those after the
            manifest was sealed, or all of a delete. How many there are is taken from the last
            attempt that was left alone.
    """

    verb: Literal["store", "delete"]
    job: str
    size: int
    folder: str
    read_limit: int | None = None
    share: float | None = None

    def archive(self, *, md5: bool) -> SampleArchive:
        """The archive to work on."""
        return SampleArchive(Content(self.size, self.job), job=self.job, md5=md5)

    def checkpoint(self) -> FileCheckpoint:
        """The note that outlives the attempt."""
        return FileCheckpoint(Path(self.folder) / f"{self.job}.json")

    def step(self, calls: int) -> int | None:
        """At which I/O call to be killed, of as many as were counted."""
        return None if self.share is None else 1 + int(self.share * max(0, calls - 1))


@dataclass
class StepCounter:
    """Counts calls that may do I/O, from `start` on, and dies at a chosen one.

    Attributes:
        limit: The call at which to die; None only counts.
        die: Ends everything; does not return.
        count: How many there were.
    """

    limit: int | None
    die: Callable[[], None]
    count: int = 0

    def start(self) -> None:
        """Begin to count, in this thread and in those that it starts."""
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)

    def stop(self) -> None:
        """Count no more."""
        sys.setprofile(None)
        threading.setprofile(None)

    def _profile(self, _frame: FrameType, event: str, called: object) -> None:
        if event != "c_call":
            return
        owner = getattr(called, "__self__", None)
        home = owner.__name__ if isinstance(owner, ModuleType) else type(owner).__module__
        if home in _DOING_IO:
            self.count += 1
            if self.count == self.limit:
                self.die()


def perform(
    make: Callable[[], Sink[Any]], attempt: Attempt, calls: int, die: Callable[[], None]
) -> int:
    """Make the attempt, and return how many I/O calls were counted if it survives."""
    sink = make()
    archive = attempt.archive(md5=sink.traits.needs_md5)
    if attempt.read_limit is not None:
        archive.on_read = partial(_die_from, attempt.read_limit, die)
    counter = StepCounter(attempt.step(calls), die)
    try:
        if attempt.verb == "store":
            _store(sink, archive, attempt, counter)
        else:
            _delete(sink, archive.key, counter)
    finally:
        counter.stop()
        sink.close()
    return counter.count


def _die_from(limit: int, die: Callable[[], None], offset: int) -> None:
    if offset >= limit:
        die()


def _store(sink: Sink[Any], archive: SampleArchive, attempt: Attempt, counter: StepCounter) -> None:
    manifest = SampleManifest(archive)
    manifest.on_seal = counter.start
    sink.store(archive, manifest, attempt.checkpoint())


def _delete(sink: Sink[Any], key: str, counter: StepCounter) -> None:
    stored = next(each for each in sink.list() if each.key == key)
    counter.start()
    sink.delete(stored)
