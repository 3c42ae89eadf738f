"""What the destinations themselves say: the ground of every verb that proves a backup."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any, Generic, TypeVar

from labferry.config import SinkConfig
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.retry import RetryPolicy, retry
from labferry.runtime.stop import Stop
from labferry.sdk import (
    MANIFEST_SUFFIX,
    InvalidAnswerError,
    LabferryError,
    Manifest,
    Sink,
    StoredArchive,
    Stray,
    StrayKind,
    redact,
)

ResultT = TypeVar("ResultT")

_log = logging.getLogger(__name__)

LISTING = RetryPolicy(tries=3)
"""Patience with a question that somebody waits for."""

_USUAL = 16 << 10
"""Bytes of memory for what is in a manifest that labferry makes, unless thousands of records are
selected. As many of them are held as there are."""

_MOST_HELD = 256 << 20
"""Bytes of memory for all larger manifests of a destination: a writer there can make very many."""


@dataclass(frozen=True, slots=True)
class Answers(Generic[ResultT]):
    """What several destinations said, each in the order of the configuration.

    Attributes:
        given: What each one answered that did.
        failures: Why the others did not.
    """

    given: Mapping[str, ResultT]
    failures: Mapping[str, LabferryError]


@contextmanager
def open_sink(config: SinkConfig) -> Iterator[Sink[Any]]:
    """A destination's sink, closed afterwards."""
    sink = config.kind(config.name, config.settings)
    try:
        yield sink
    finally:
        sink.close()


def committed(sink: Sink[Any]) -> Iterator[StoredArchive]:
    """Every archive that labferry committed at a destination, in any order.

    What a sink lists is what somebody put there. An archive is left out with a warning if its
    manifest is not its own, if it is listed twice, or if the manifests would fill the memory;
    `stray_files` names it.
    """
    judge = _Judge()
    for stored in sink.list():
        problem = judge.objection(stored)
        if problem:
            _log.warning("%s: %s is left out: %s", sink.name, stored.key, problem)
        else:
            yield stored


def stray_files(sink: Sink[Any]) -> Iterator[Stray]:
    """What is at a destination and is no committed archive of labferry's."""
    yield from sink.strays()
    judge = _Judge()
    for stored in sink.list():
        if judge.objection(stored):
            yield Stray(StrayKind.INVALID, stored.key + MANIFEST_SUFFIX)


def stored_archives(sink: Sink[Any]) -> Sequence[StoredArchive]:
    """Every committed archive, by source, series and time, the oldest of a series first."""
    return sorted(committed(sink), key=_order)


def ask_side_by_side(
    destinations: Iterable[SinkConfig], question: Callable[[Sink[Any]], ResultT], stop: Stop
) -> Answers[ResultT]:
    """Ask several destinations at a time; one that fails keeps none of the others from answering.

    Args:
        destinations: Whom to ask.
        question: Asks one of them; it may be asked again.
        stop: Ends the waiting.

    Raises:
        StoppedError: A signal came.
    """
    askers = [_Asker(config, question, stop) for config in destinations]
    for asker in askers:
        asker.start()
    for asker in askers:
        while asker.is_alive():
            asker.join(0.05)
            stop.check()
    stop.check()
    return Answers(
        {asker.name: asker.answers[0] for asker in askers if asker.answers},
        {asker.name: asker.failure for asker in askers if asker.failure},
    )


class _Asker(Thread, Generic[ResultT]):
    """Asks one destination, on a thread of its own, as every sink wants it."""

    def __init__(
        self, config: SinkConfig, question: Callable[[Sink[Any]], ResultT], stop: Stop
    ) -> None:
        super().__init__(name=config.name, daemon=True)
        self.answers: list[ResultT] = []
        self.failure: LabferryError | None = None
        self._config = config
        self._question = question
        self._stop_request = stop

    def run(self) -> None:
        """Ask; whatever goes wrong is kept."""
        try:
            self.answers.append(self._ask())
        except Exception as error:  # noqa: BLE001 - a stranger's sink must not silence the others
            self.failure = wrap_plugin_error(error, f"The sink of {self.name}")

    def _ask(self) -> ResultT:
        return retry(self._ask_once, self._stop_request, self.name, LISTING)

    def _ask_once(self) -> ResultT:
        with open_sink(self._config) as sink:
            return self._question(sink)


def repair_hint(destination: str, archive_id: str) -> str:
    """What to do about a copy that is not what it should be."""
    return (
        "Nothing was changed. To put a good copy from another destination in its place: "
        f"labferry verify {destination} {archive_id} --repair"
    )


def failure_text(name: str, error: LabferryError) -> str:
    """A destination's failure, for people."""
    return redact(f"{name}: {error}")


class _Judge:
    """Which of the archives that a destination lists are labferry's, one after the other."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._held = 0

    def objection(self, stored: StoredArchive) -> str:
        """Why an archive is left out; empty if it is not."""
        if stored.key in self._seen:
            return "it is listed twice."
        self._seen.add(stored.key)
        try:
            stored.manifest.require_key(stored.key)
        except InvalidAnswerError as error:
            return str(error)
        weight = _weight(stored.manifest)
        if weight > _USUAL:
            self._held += weight
            if self._held > _MOST_HELD:
                return f"the large manifests there need more than {_MOST_HELD >> 20} MiB of memory."
        return ""


def _weight(manifest: Manifest) -> int:
    """About how many bytes of memory the parts of a manifest take that can be large."""
    encryption, source = manifest.encryption, manifest.source
    left: list[object] = [source.parameters, source.series, source.url, manifest.job.id]
    if encryption is not None:
        left += [encryption.sealed, *encryption.recipients]
    weight = 0
    while left:
        value = left.pop()
        weight += sys.getsizeof(value)
        if isinstance(value, dict):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            left += value
    return weight


def _order(stored: StoredArchive) -> tuple[object, ...]:
    manifest = stored.manifest
    origin = manifest.source
    return (origin.name, origin.series, manifest.job.submitted, manifest.archive_id)
