"""One destination verified, on a thread of its own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

from typing_extensions import override

from labferry.actions.verify.chain import Break, BreakKind, broken_links, compare, doubles
from labferry.actions.verify.results import VerifyRequest, VerifyResult, VerifyState
from labferry.config import SinkConfig
from labferry.copies.query import (
    LISTING,
    open_sink,
    repair_hint,
    stored_archives,
    stray_files,
)
from labferry.copies.reader import (
    UnsoundArchiveError,
    identities_for,
    read_contents,
    read_copy,
)
from labferry.ledger import Copies, Ledger
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.progress import ActivityKind, Progress
from labferry.runtime.retry import retry
from labferry.runtime.stop import Stop
from labferry.sdk import (
    MANIFEST_SUFFIX,
    Checked,
    IntegrityError,
    LabferryError,
    NotFoundError,
    Sink,
    StoppedError,
    StoredArchive,
    StrayKind,
)

_ENCRYPTED_SUFFIX = ".age"
_SAID = {
    BreakKind.GONE: "is gone, and retention did not remove it.",
    BreakKind.AWAY: "is not on the disk or share that is here now. The one that it was stored on "
    "was exchanged or emptied.",
    BreakKind.EDITED: "has another manifest than the one that was stored.",
    BreakKind.RETURNED: "is there again, though retention removed it.",
    BreakKind.UNKNOWN: "was not stored from this machine: its ledger does not know it. If another "
    "machine of yours stored it, trust it with --adopt.",
    BreakKind.DOUBLE: "has the id of another archive. labferry stores each id under one key only, "
    "so somebody else put it there.",
}
_NO_LEDGER = (
    "This machine's ledger does not know this destination. So labferry notices a removed "
    "manifest only if a later one names it, and can't know whether retention removed it."
)


@dataclass(frozen=True, slots=True)
class VerifyContext:
    """What all verifiers share.

    Attributes:
        ledger: The ledger, if there is one.
        folder: Where to put archives that are opened.
        stop: Ends it early.
        progress: Shows what is being read.
        report: Called with everything that is found.
    """

    ledger: Ledger | None
    folder: Path
    stop: Stop
    progress: Progress
    report: Callable[[VerifyResult], None]

    @property
    def copies(self) -> Copies | None:
        """What the ledger knows of copies."""
        return None if self.ledger is None else self.ledger.copies

    def takes_turns(self, destination: str) -> bool:
        """Whether several disks take turns at a destination."""
        return self.ledger is not None and self.ledger.markers.takes_turns(destination)


class Verifier(Thread):
    """Looks at what one destination holds.

    Args:
        config: The destination.
        request: What to look at, and how.
        context: What it shares with the others.

    Attributes:
        sources: The sources of what is there; None until that is known.
        known: The archives that were asked for and are there, or ought to be.
    """

    def __init__(self, config: SinkConfig, request: VerifyRequest, context: VerifyContext) -> None:
        super().__init__(name=f"verify {config.name}", daemon=True)
        self.sources: set[str] | None = None
        self.known: set[str] = set()
        self._config = config
        self._request = request
        self._context = context

    @override
    def run(self) -> None:
        try:
            with open_sink(self._config) as sink:
                for result in self._verify(sink):
                    self.known |= {result.archive_id} - {""}
                    self._context.report(result)
        except StoppedError:
            return
        except Exception as error:  # noqa: BLE001 - a stranger's sink must not silence the others
            self._context.report(self._result(VerifyState.FAILED, problem=self._named(error)))

    def _verify(self, sink: Sink[Any]) -> Iterator[VerifyResult]:
        listed = self._list(sink)
        self.sources = {stored.manifest.source.name for stored in listed}
        breaks = self._breaks(listed)
        if self._request.chain:
            yield from self._links(listed)
        for found in breaks.values():
            if found.kind in {BreakKind.RETURNED, BreakKind.UNKNOWN}:
                message = f"{found.archive_id} {_SAID[found.kind]}"
                yield self._result(VerifyState.NOTE, found.archive_id, found.key, message=message)
        for stored in listed:
            manifest = stored.manifest
            if self._request.wants(manifest.archive_id, manifest.source.name):
                self.known.add(manifest.archive_id)
                yield from self._look(sink, stored, breaks.get(stored.key))
        yield from self._missing(sink, breaks)
        if self._request.source is None and not self._has_all():
            yield from self._headless(sink, {found.key for found in breaks.values()})

    def _list(self, sink: Sink[Any]) -> Sequence[StoredArchive]:
        return retry(lambda: stored_archives(sink), self._context.stop, self._config.name, LISTING)

    def _breaks(self, listed: Sequence[StoredArchive]) -> dict[str, Break]:
        """What is not as the ledger knows it, by its key.

        The ledger learns what is there at the first look, and later what it has to adopt; never one
        of two archives that share an id.
        """
        shared = {each.key: each for each in doubles(listed)}
        if self._context.copies is None:
            return shared
        copies, name = self._context.copies, self._config.name
        now = datetime.now(UTC)
        copies.learn(name, listed, now)
        for stored in listed:
            known = copies.get(name, stored.manifest.archive_id)
            if known is None:
                if self._adopts(stored) and stored.key not in shared:
                    copies.adopt(name, stored, now)
            elif known.manifest is None and known.is_of(stored):
                copies.adopt(name, stored, now)
        return {each.key: each for each in compare(copies.at(name), listed)}

    def _adopts(self, stored: StoredArchive) -> bool:
        manifest = stored.manifest
        return self._request.adopt and self._request.wants(
            manifest.archive_id, manifest.source.name
        )

    def _links(self, listed: Sequence[StoredArchive]) -> Iterator[VerifyResult]:
        """What the manifests say of each other."""
        count = len(listed)
        if self._context.copies is not None and self._context.copies.at(self._config.name):
            message = f"{count} manifests were compared with the ledger, which knows the chain."
            yield self._result(VerifyState.NOTE, message=message)
            return
        yield self._result(VerifyState.NOTE, message=_NO_LEDGER)
        for manifest in broken_links([stored.manifest for stored in listed]):
            what = (
                f"The manifest that was stored before that of {manifest.archive_id} was removed, "
                "replaced or edited."
            )
            if self._config.settings.retention is not None:
                message = f"{what} Retention may have removed it."
                yield self._result(VerifyState.NOTE, manifest.archive_id, message=message)
            else:
                problem = IntegrityError(
                    f"{self._config.name}: {what}", hint="No retention is set."
                )
                yield self._result(VerifyState.BROKEN, manifest.archive_id, problem=problem)

    def _look(
        self, sink: Sink[Any], stored: StoredArchive, found: Break | None
    ) -> Iterator[VerifyResult]:
        manifest = stored.manifest
        self._context.stop.check()
        if found is not None and found.kind is BreakKind.DOUBLE:
            # Nothing that is found there says anything about the archive that has this id.
            double = IntegrityError(f"{self._config.name}: {stored.key} {_SAID[found.kind]}")
            yield self._result(VerifyState.BROKEN, manifest.archive_id, stored.key, problem=double)
            return
        checked, problem = None, None
        try:
            self._require_manifest(stored, found)
            if not self._request.reads_archives:
                return
            checked = self._check(sink, stored)
        except StoppedError:
            raise
        except IntegrityError as error:
            problem = self._kept(error, manifest.archive_id)
        except NotFoundError as error:  # of `quick_check`
            # Raises if it is the destination itself that is not there, such as a disk.
            next(iter(sink.list()), None)
            problem = self._kept(error, manifest.archive_id)
        except Exception as error:  # noqa: BLE001 - one copy must not keep us from the next
            yield self._result(
                VerifyState.FAILED, manifest.archive_id, stored.key, problem=self._named(error)
            )
            return
        self._note(manifest.archive_id, checked or self._how, problem)
        state = VerifyState.GOOD if problem is None else VerifyState.DAMAGED
        yield self._result(
            state,
            manifest.archive_id,
            stored.key,
            manifest.size,
            checked=checked,
            contents=checked is not None and self._request.contents,
            problem=problem,
        )

    def _require_manifest(self, stored: StoredArchive, found: Break | None) -> None:
        if found is not None and found.kind is BreakKind.EDITED:
            raise self._failing(stored.manifest.archive_id, stored.key, _SAID[found.kind])

    def _check(self, sink: Sink[Any], stored: StoredArchive) -> Checked:
        if self._request.quick and not self._request.contents:
            return sink.quick_check(stored)
        identity, size = stored.manifest.archive_id, stored.manifest.size
        subject, stop = f"{self._config.name}: {identity}", self._context.stop
        with self._context.progress.activity(ActivityKind.VERIFY, subject, size) as activity:
            if self._request.contents:
                keys = identities_for(self._config, self._request.identities)
                folder, reached = self._context.folder, activity.reach
                read_contents(sink, stored, keys, folder, stop, reached=reached)
            else:
                read_copy(sink, stored, stop, reached=activity.reach)
        return Checked.READ_BACK

    def _missing(self, sink: Sink[Any], breaks: dict[str, Break]) -> Iterator[VerifyResult]:
        if self._context.copies is None:
            return
        invalid: set[str] = set()
        if any(found.kind is BreakKind.GONE for found in breaks.values()):
            invalid = {each.key for each in stray_files(sink) if each.kind is StrayKind.INVALID}
        for found in breaks.values():
            copy = self._context.copies.get(self._config.name, found.archive_id)
            if found.kind is BreakKind.AWAY and self._context.takes_turns(self._config.name):
                message = f"{found.archive_id} is on another disk, which is not here now."
                yield self._result(VerifyState.NOTE, found.archive_id, found.key, message=message)
                continue
            if found.kind not in {BreakKind.GONE, BreakKind.AWAY} or copy is None:
                continue
            if self._request.wants(copy.archive_id, copy.source):
                is_edited = copy.key + MANIFEST_SUFFIX in invalid
                said = _SAID[BreakKind.EDITED if is_edited else found.kind]
                problem = self._failing(copy.archive_id, copy.key, said)
                if found.kind is BreakKind.GONE:
                    self._note(copy.archive_id, Checked.SIZE, problem)
                state = VerifyState.DAMAGED if is_edited else VerifyState.MISSING
                yield self._result(
                    state,
                    copy.archive_id,
                    copy.key,
                    copy.size,
                    problem=problem,
                )

    def _has_all(self) -> bool:
        """Whether archives were asked for by name, and each is known here."""
        names, known = self._request.archives, self.known
        return bool(names) and all(any(each.startswith(name) for each in known) for name in names)

    def _headless(self, sink: Sink[Any], reported: set[str]) -> Iterator[VerifyResult]:
        """Manifests whose archive is gone, of which the ledger does not know."""
        for stray in sink.strays():
            if stray.kind is not StrayKind.MANIFEST or any(map(stray.key.startswith, reported)):
                continue
            identity = _identity(stray.key)
            if self._request.wants(identity, ""):
                what = f"{self._config.name}: the archive of {stray.key} is gone."
                # Only by its name: one whose removal was cut off must not come back by itself.
                named = identity if self._request.archives else ""
                hint = repair_hint(self._config.name, identity)
                problem = IntegrityError(what, hint=hint)
                yield self._result(VerifyState.MISSING, named, stray.key, problem=problem)

    @property
    def _how(self) -> Checked:
        return Checked.SIZE if self._request.quick else Checked.READ_BACK

    def _note(self, archive_id: str, how: Checked, problem: LabferryError | None) -> None:
        if self._context.copies is not None:
            text = "" if problem is None else str(problem)
            self._context.copies.check(self._config.name, archive_id, datetime.now(UTC), how, text)

    def _failing(self, archive_id: str, key: str, what: str) -> IntegrityError:
        hint = repair_hint(self._config.name, archive_id)
        return IntegrityError(f"{self._config.name}: {key} {what}", hint=hint)

    def _kept(self, error: LabferryError, archive_id: str) -> IntegrityError:
        """A copy's failure, with what to do about it."""
        name = self._config.name
        where = "" if error.message.startswith(f"{name}: ") else f"{name}: "
        hint = error.hint or repair_hint(name, archive_id)
        kind = UnsoundArchiveError if isinstance(error, UnsoundArchiveError) else IntegrityError
        return kind(f"{where}{error.message}", hint=hint)

    def _named(self, error: Exception) -> LabferryError:
        problem = wrap_plugin_error(error, f"The sink of {self._config.name}")
        if not problem.message.startswith(f"{self._config.name}: "):
            problem.message = f"{self._config.name}: {problem.message}"
        return problem

    def _result(  # noqa: PLR0913 - as many as a result has
        self,
        state: VerifyState,
        archive_id: str = "",
        key: str = "",
        size: int | None = None,
        *,
        checked: Checked | None = None,
        contents: bool = False,
        problem: LabferryError | None = None,
        message: str = "",
    ) -> VerifyResult:
        return VerifyResult(
            destination=self._config.name,
            state=state,
            archive_id=archive_id,
            key=key,
            size=size,
            checked=checked,
            contents=contents,
            problem=problem,
            message=message,
        )


def _identity(key: str) -> str:
    """The archive that a manifest is of, by the name that labferry gave it."""
    file = key.rpartition("/")[2].removesuffix(MANIFEST_SUFFIX)
    return file.removesuffix(_ENCRYPTED_SUFFIX).rpartition(".")[0]
