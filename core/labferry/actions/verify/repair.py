"""Putting a good copy from another destination in the place of one that is damaged or gone.

The good copy is read into the spool and verified there first; the destination that it came from
is only ever read. Then what is damaged is removed, and the good copy stored and read back. A
process that is killed leaves a copy that is damaged or missing, as the ledger knows by then, and
the next repair goes on from what is in the spool.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

from labferry.actions.verify.chain import manifest_digest
from labferry.actions.verify.results import VerifyResult, VerifyState
from labferry.config import Config, SinkConfig
from labferry.copies.query import open_sink, stored_archives
from labferry.copies.reader import CopyReader, read_copy
from labferry.ledger import Copy, Ledger, ledger_file
from labferry.runtime.lock import run_lock
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.progress import Activity, ActivityKind, Progress, TrackedArchive
from labferry.runtime.retry import retry
from labferry.runtime.stop import Stop
from labferry.sdk import (
    MANIFEST_SUFFIX,
    Checked,
    Checkpoint,
    IntegrityError,
    JsonValue,
    Manifest,
    ManifestDraft,
    NotFoundError,
    RefusedError,
    Sink,
    StoppedError,
    StoredArchive,
    redact,
)
from labferry.spool import Declared, Spool, SpoolArchive

_log = logging.getLogger(__name__)
_CHUNK = 1 << 20
_BEING_REPAIRED = "It is being repaired; run `labferry verify --repair` again if that was cut off."


def repair(
    config: Config, broken: Sequence[VerifyResult], stop: Stop, progress: Progress
) -> Iterator[VerifyResult]:
    """Repair one copy after the other; one that can't be repaired keeps none of the others from it.

    Args:
        config: The configuration.
        broken: What was found to be damaged or missing, or was never there.
        stop: Ends it early.
        progress: Shows what is going on.

    Raises:
        LockHeldError: A run is at work.
        StateError: The state folder, the ledger or the spool can't be used.
        StoppedError: A signal came.
    """
    with ExitStack() as stack:
        stack.enter_context(run_lock(config.state_dir))
        ledger = stack.enter_context(closing(Ledger(ledger_file(config.state_dir))))
        workshop = _Workshop(config, ledger, Spool(config.spool_dir), stop, progress)
        for result in broken:
            yield _attempt(workshop, result)


def _attempt(workshop: "_Workshop", result: VerifyResult) -> VerifyResult:
    try:
        return workshop.repair(result.destination, result.archive_id)
    except StoppedError:
        raise
    except Exception as error:  # noqa: BLE001 - a stranger's sink must not keep us from the next
        problem = wrap_plugin_error(error, f"The sink of {result.destination}")
        _log.debug("Repairing failed", exc_info=error)
        text = f"{result.destination}: {result.archive_id} was not repaired: {problem.message}"
        kind = NotFoundError if isinstance(result.problem, NotFoundError) else IntegrityError
        return replace(result, problem=kind(text, hint=problem.hint))


@dataclass(slots=True)
class _Workshop:
    """What a repair needs."""

    config: Config
    ledger: Ledger
    spool: Spool
    stop: Stop
    progress: Progress
    _listed: dict[str, Sequence[StoredArchive]] = field(default_factory=dict)

    def repair(self, destination: str, archive_id: str) -> VerifyResult:
        """Put a good copy in place, unless the one that is there turns out to be good."""
        target = self.config.destinations[destination]
        there = self._find(target, archive_id)
        known = self.ledger.copies.get(destination, archive_id)
        if there is not None and self._is_good(target, there, known):
            now = datetime.now(UTC)
            self.ledger.copies.check(destination, archive_id, now, Checked.READ_BACK, "")
            return VerifyResult(
                destination=destination,
                state=VerifyState.GOOD,
                archive_id=archive_id,
                key=there.key,
                size=there.size,
                checked=Checked.READ_BACK,
                message="It could be read this time. labferry left it as it is.",
            )
        sha256 = known.sha256 if known else there.manifest.sha256 if there else None
        archive, manifest = self._fetch(destination, archive_id, sha256)
        try:
            archive.key = known.key if known else there.key if there else archive.key
            right = _as_it_was(manifest, known, there)
            document = self.ledger.copies.document(destination, archive_id)
            if document is not None and known is not None and known.sha256 == manifest.sha256:
                right = Manifest.from_json(document, where=f"the manifest of {archive_id}")
            good = StoredArchive(archive.key, manifest.size, right)
            with open_sink(target) as sink:
                stored = self._put(sink, good, there, archive)
        finally:
            archive.close()
        return VerifyResult(destination, VerifyState.REPAIRED, archive_id, stored.key, stored.size)

    def _is_good(self, target: SinkConfig, there: StoredArchive, known: Copy | None) -> bool:
        """Whether a copy is what its manifest says, and that is the manifest that was stored.

        What was found wrong before may have been the fault of a cable, or of a moment: a copy that
        is good is never deleted.
        """
        is_edited = known is not None and known.manifest not in {
            None,
            manifest_digest(there.manifest),
        }
        if is_edited:
            return False
        try:
            with open_sink(target) as sink:
                read_copy(sink, there, self.stop)
        except IntegrityError as error:
            _log.info("%s: not good at the second read either: %s", target.name, error.message)
            return False
        return True

    def _fetch(
        self, destination: str, archive_id: str, sha256: str | None
    ) -> tuple[SpoolArchive, Manifest]:
        """A verified copy in the spool, from the first other destination that has a good one."""
        reasons = []
        for source in self.config.destinations.values():
            if source.name == destination:
                continue
            try:
                stored = self._find(source, archive_id)
                if stored is None:
                    continue
                if sha256 not in {None, stored.manifest.sha256}:
                    reasons.append(f"{source.name} has other bytes")
                    continue
                return self._read(source, stored), stored.manifest
            except StoppedError:
                raise
            except Exception as error:  # noqa: BLE001 - another destination may have a good one
                problem = wrap_plugin_error(error, f"The sink of {source.name}")
                reasons.append(f"{source.name}: {redact(problem.message)}")
        why = f" ({'; '.join(reasons)})" if reasons else ""
        raise NotFoundError(
            f"No other destination has a good copy of the same bytes{why}.",
            hint="labferry left the bad copy as it is.",
        )

    def _read(self, config: SinkConfig, stored: StoredArchive) -> SpoolArchive:
        manifest = stored.manifest
        # Under a name of its own: a run may keep the archive itself in the spool. What is left of
        # a repair that never ended is swept away by the next run.
        name = f"{manifest.archive_id}.repair"
        crc32 = int(manifest.crc32, 16)
        declared = Declared(name, manifest.source.name, stored.key, manifest.size, crc32)
        needs_md5 = manifest.md5 is not None or config.kind.traits.needs_md5
        archive = self.spool.open(declared, md5=needs_md5)
        archive.id = manifest.archive_id
        try:
            with open_sink(config) as sink:
                if archive.resume():
                    try:
                        return self._filled(sink, stored, archive)
                    except IntegrityError:
                        archive.restart()
                return self._filled(sink, stored, archive)
        except BaseException:
            archive.close()
            raise

    def _filled(
        self, sink: Sink[Any], stored: StoredArchive, archive: SpoolArchive
    ) -> SpoolArchive:
        subject, begun = f"{sink.name}: {stored.manifest.archive_id}", archive.received
        activity = Activity(ActivityKind.DOWNLOAD, subject, archive.size, begun)
        with (
            self.progress.showing(activity),
            CopyReader(sink, stored, self.stop, offset=begun, reached=activity.reach) as reader,
        ):
            while archive.received < archive.size:
                chunk = reader.read(_CHUNK)
                if not chunk:
                    break
                archive.write(archive.received, chunk)
        digests = archive.check()
        if digests.sha256 != stored.manifest.sha256:
            archive.restart()
            raise IntegrityError(f"The copy at {sink.name} is damaged, too.")
        archive.accept(digests)
        return archive

    def _put(
        self,
        sink: Sink[Any],
        good: StoredArchive,
        bad: StoredArchive | None,
        archive: SpoolArchive,
    ) -> StoredArchive:
        copies, identity = self.ledger.copies, good.manifest.archive_id
        subject = f"{sink.name}: {identity}"
        if bad is not None:
            _require_delete(sink, bad)
        copies.replace(sink.name, good, datetime.now(UTC), _BEING_REPAIRED)
        if sink.traits.can_delete:
            # What is gone may have left something behind that its archive would collide with.
            retry(lambda: sink.delete(bad or good), self.stop, subject)
        draft, note = _Sealed(good), _Note()
        with self.progress.activity(ActivityKind.STORE, subject, archive.size) as activity:
            tracked = TrackedArchive(archive, activity.reach)
            receipt = retry(
                lambda: sink.store(tracked, draft, note),
                self.stop,
                subject,
                reached=lambda: activity.done,
            )
            stored = replace(good, key=receipt.key, version_id=receipt.version_id)
            activity.become(ActivityKind.VERIFY, archive.size)
            read_copy(sink, stored, self.stop, reached=activity.reach)
        copies.replace(sink.name, stored, datetime.now(UTC), "")
        self.spool.discard(f"{identity}.repair")
        return stored

    def _find(self, config: SinkConfig, archive_id: str) -> StoredArchive | None:
        """An archive at a destination: the one that the ledger knows, if several have its id.

        Raises:
            IntegrityError: Several have it, and the ledger knows none of them.
        """
        named = [each for each in self._list(config) if each.manifest.archive_id == archive_id]
        known = self.ledger.copies.get(config.name, archive_id)
        if known is not None:
            return next((each for each in named if each.key == known.key), None)
        if len(named) > 1:
            keys = ", ".join(each.key for each in named)
            raise IntegrityError(f"{config.name} has several archives with this id: {keys}.")
        return next(iter(named), None)

    def _list(self, config: SinkConfig) -> Sequence[StoredArchive]:
        if config.name not in self._listed:
            with open_sink(config) as sink:
                archives = retry(lambda: stored_archives(sink), self.stop, config.name)
            self._listed[config.name] = archives
        return self._listed[config.name]


class _Sealed(ManifestDraft):
    """A manifest that is finished."""

    def __init__(self, stored: StoredArchive) -> None:
        self.key = stored.key + MANIFEST_SUFFIX
        self._document = stored.manifest.to_json()

    @override
    def seal(self) -> bytes:
        return self._document


class _Note(Checkpoint):
    """A sink's note, for as long as one repair takes."""

    def __init__(self) -> None:
        self._state: dict[str, JsonValue] = {}

    @override
    def load(self) -> dict[str, JsonValue]:
        return dict(self._state)

    @override
    def save(self, state: Mapping[str, JsonValue]) -> None:
        self._state = dict(state)


def _as_it_was(manifest: Manifest, known: Copy | None, bad: StoredArchive | None) -> Manifest:
    """Another destination's manifest, at the damaged one's place in its own chain."""
    previous = known.previous if known else bad.manifest.previous if bad else None
    return manifest.model_copy(update={"previous": previous})


def _require_delete(sink: Sink[Any], stored: StoredArchive) -> None:
    """Make sure that the damaged copy can be removed, before anything is.

    Raises:
        RefusedError: It can't.
    """
    reason = sink.hold(stored)
    if not sink.traits.can_delete:
        reason = "nothing can be deleted there"
    if reason:
        raise RefusedError(
            f"The damaged copy can't be removed from {sink.name}: {reason}.",
            hint="The good copies stay. When it can be removed: "
            f"labferry verify {sink.name} --repair",
        )
