"""`labferry restore`: one archive back from wherever a good copy of it is."""

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from labferry.actions.restore.extract import Extracted, Renamed, extract, require_unused
from labferry.actions.session import Session, chosen_destinations
from labferry.actions.sources import require_source
from labferry.copies.download import fetch
from labferry.copies.names import NewestNames
from labferry.copies.partial_file import (
    RESTORE,
    PartialFile,
    is_taken,
    open_target,
    partial_name,
)
from labferry.copies.query import ask_side_by_side, failure_text, stored_archives
from labferry.copies.reader import UnreadableCopyError
from labferry.copies.select import ArchiveQuery, ListedCopy, choose, copies_of
from labferry.copies.trust import Trust
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.progress import Progress
from labferry.runtime.stop import Stop
from labferry.sdk import (
    ConfigError,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    Manifest,
    Names,
    NotFoundError,
    RefusedError,
    Secret,
    StoppedError,
    check_key,
    safe_name,
)
from labferry.sdk.files import FileKindError, disk_errors

_log = logging.getLogger(__name__)
_ENCRYPTED_SUFFIX = ".age"
_KINDS = (IntegrityError, RefusedError, NotFoundError, ConfigError)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an archive is to go.

    Attributes:
        path: A file to be made, or a folder that is there, to make one in; with `extract`, a
            folder that is missing or empty.
        extract: Whether the archive is unpacked.
        overwrite: Whether a file of that name may be replaced.
    """

    path: Path
    extract: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """An archive that was restored.

    Attributes:
        archive_id: The archive.
        source: The source's name.
        taken: When its export was asked for, UTC: the state of the notebook that it holds.
        destination: Where it came from; None if it was here already, and was compared only.
        path: Where it is now: a file, or the folder that it was unpacked into.
        size: The archive's size in bytes.
        sha256: Its SHA-256.
        files: How many files it was unpacked to; None if it was not.
        problems: What did not work before it worked, a sentence each.
        renamed: What was unpacked under another name than its own.
        names: Whose work it holds, by the newest names that are known.
    """

    archive_id: str
    source: str
    taken: datetime
    destination: str | None
    path: Path
    size: int
    sha256: str
    files: int | None
    problems: tuple[str, ...]
    renamed: tuple[Renamed, ...] = ()
    names: Names = field(default_factory=Names)


def restore(
    session: Session,
    query: ArchiveQuery,
    place: Place,
    stop: Stop,
    *,
    identities: Sequence[Secret] = (),
    progress: Progress | None = None,
) -> Restored:
    """Restore an archive from the first destination whose copy of it is good.

    Args:
        session: The configuration.
        query: Which archive, and where from.
        place: Where to put it.
        stop: Ends it early; the same call goes on later.
        identities: The private keys to decrypt with; the destination's if there are none.
        progress: Shows what is going on.

    Raises:
        ConfigError: It is not clear what is meant, nobody knows its source, or there is no place
            for it.
        ConflictError: Something is where it should go.
        NotFoundError: No such archive is stored.
        IntegrityError: Every copy is bad, or the archive can't be unpacked.
        FullError: There is not enough space for it.
        StoppedError: A signal came.
    """
    _check_place(place)
    destinations = chosen_destinations(session.config, query.origin)
    answers = ask_side_by_side(destinations, stored_archives, stop)
    problems = _Problems(answers.failures)
    if not answers.given:
        raise problems.as_one("No destination could be listed.")
    problems.warn()
    everything = copies_of(destinations, answers.given)
    if query.source is not None and not answers.failures:
        known = (copy.stored.manifest.source.name for copy in everything)
        require_source(session.config, query.source, known)
    trust = Trust(session.config, everything)
    names = NewestNames(session.config, everything, trust)
    copies = _believed(trust, choose(everything, query, names.of), query)
    _warn_of_differences(copies)
    here = _already_here(copies, place)
    if here is not None:
        return replace(here, names=names.of(copies[0]))
    for copy in copies:
        problems.warn()
        restored = _restore_copy(copy, place, identities, stop, problems, progress or Progress())
        if restored is not None:
            _sweep(copies, restored.path.parent)
            return replace(restored, names=names.of(copy) or restored.names)
    others = "Without --from, the other destinations are tried. " if query.origin else ""
    raise problems.as_one(
        f"{copies[0].archive_id} can't be restored from {query.origin or 'any destination'}.",
        hint=(others + _older(everything, copies[0])).rstrip(),
    )


class _Problems:
    """What went wrong with single destinations.

    Attributes:
        texts: A sentence each.
    """

    def __init__(self, failures: Mapping[str, LabferryError]) -> None:
        self.texts: list[str] = []
        self._warned = 0
        self._errors: list[LabferryError] = []
        for name, error in failures.items():
            self.add(name, error)

    def add(self, name: str, error: LabferryError) -> None:
        """Take in a destination's failure."""
        self.texts.append(failure_text(name, error))
        self._errors.append(error)

    def warn(self) -> None:
        """Warn of what is new, as there is another way to go on."""
        for text in self.texts[self._warned :]:
            _log.warning("%s", text)
        self._warned = len(self.texts)

    def as_one(self, head: str, hint: str = "") -> LabferryError:
        """One error for all, of the kind that says most."""
        kinds = [kind for kind in _KINDS if any(isinstance(e, kind) for e in self._errors)]
        is_one_kind = len({error.exit_code for error in self._errors}) == 1
        kind = kinds[0] if kinds and (is_one_kind or kinds[0] is IntegrityError) else LabferryError
        return kind(" ".join([head, *self.texts]), hint=hint)


def _check_place(place: Place) -> None:
    path = place.path
    if place.extract and path.is_mount():
        raise ConfigError(
            f"{path} is where a disk is mounted, which can't be replaced by an unpacked archive.",
            hint="Name a new folder in it.",
        )
    if place.extract:
        require_unused(path)
    elif path.is_dir():
        return
    if not path.absolute().parent.is_dir():
        raise ConfigError(
            f"There is no folder {path.absolute().parent} to restore to.", hint="Make it first."
        )


def _restore_copy(
    copy: ListedCopy,
    place: Place,
    identities: Sequence[Secret],
    stop: Stop,
    problems: _Problems,
    progress: Progress,
) -> Restored | None:
    target = _target(copy, place)
    _log.info("Restoring %s from %s", copy.archive_id, copy.config.name)
    with PartialFile(target.parent, copy.stored.manifest.sha256) as partial:
        try:
            manifest = fetch(copy, partial, identities, stop, progress)
        except StoppedError:
            raise
        except Exception as error:
            if partial.error is not None:
                raise
            problem = wrap_plugin_error(error, f"The sink of {copy.config.name}")
            # What was read before a read failed is good: another copy goes on from there.
            is_bad = isinstance(problem, IntegrityError)
            if is_bad and not isinstance(problem, UnreadableCopyError):
                partial.discard()
            problems.add(copy.config.name, problem)
            return None
        extracted = _settle(partial, target, place, stop)
    origin = copy.stored.manifest.source.name
    return Restored(
        archive_id=copy.archive_id,
        source=origin,
        taken=copy.taken,
        destination=copy.config.name,
        path=target,
        size=manifest.size,
        sha256=manifest.sha256,
        files=extracted.files if extracted else None,
        problems=tuple(problems.texts),
        renamed=extracted.renamed if extracted else (),
        names=manifest.names,
    )


def _settle(partial: PartialFile, target: Path, place: Place, stop: Stop) -> Extracted | None:
    if not place.extract:
        partial.publish(target.name, overwrite=place.overwrite)
        return None
    try:
        # Removed first: killed in between, all is to be done again, but nothing is left behind.
        scratch = f"{partial.path.name}.unpacked"
        return extract(partial.file, target, stop, scratch=scratch, before=partial.discard)
    except IntegrityError as error:
        partial.discard()
        hint = "The archive itself is what was stored. Restore it without --extract to look at it."
        raise IntegrityError(error.message, hint=hint) from error


def _target(copy: ListedCopy, place: Place) -> Path:
    path = place.path.absolute()
    return path if place.extract or not path.is_dir() else path / _file_name(copy)


def _file_name(copy: ListedCopy) -> str:
    """The archive's own file name; keys of other people's destinations may be anything."""
    name = copy.stored.key.rpartition("/")[2].removesuffix(_ENCRYPTED_SUFFIX)
    try:
        return check_key(name)
    except InvalidAnswerError:
        return safe_name(copy.archive_id)


def _believed(
    trust: Trust, copies: Sequence[ListedCopy], query: ArchiveQuery
) -> Sequence[ListedCopy]:
    """The copies that the ledger has nothing to say against; all if somebody insists.

    Raises:
        IntegrityError: It has something to say against each.
    """
    believed = []
    for copy in copies:
        doubt = trust.doubt(copy)
        if doubt:
            _log.warning("%s: %s %s.", copy.config.name, copy.archive_id, doubt)
        if not doubt or query.trusting:
            believed.append(copy)
    if not believed:
        trust.require(copies[0])
    return believed


def _warn_of_differences(copies: Sequence[ListedCopy]) -> None:
    """Warn if destinations disagree on what the archive is: each copy may be right."""
    open_copies = [copy for copy in copies if copy.stored.manifest.encryption is None]
    if len({copy.stored.manifest.sha256 for copy in open_copies}) > 1:
        places = ", ".join(copy.config.name for copy in open_copies)
        _log.warning(
            "%s is not the same at %s: the manifests there have different SHA-256. Name one with "
            "--from.",
            copies[0].archive_id,
            places,
        )


def _already_here(copies: Sequence[ListedCopy], place: Place) -> Restored | None:
    """What an earlier restore left where this one would go, if that is the archive itself.

    Raises:
        ConflictError: Something else is there.
    """
    first = copies[0]
    target = _target(first, place)
    if place.extract or place.overwrite or not (target.exists() or target.is_symlink()):
        return None
    manifest = first.stored.manifest
    if not _holds(target, manifest):
        raise is_taken(target)
    _sweep(copies, target.parent)
    return Restored(
        archive_id=first.archive_id,
        source=manifest.source.name,
        taken=first.taken,
        destination=None,
        path=target,
        size=manifest.size,
        sha256=manifest.sha256,
        files=None,
        problems=(),
    )


def _holds(target: Path, manifest: Manifest) -> bool:
    """Whether a file is the archive of a manifest; whoever owns its folder may exchange it."""
    with (
        disk_errors(target, RESTORE),
        suppress(FileKindError),
        open_target(target.parent) as folder,
        folder.open(target.name) as file,
    ):
        if os.fstat(file.fileno()).st_size == manifest.size:
            return hashlib.file_digest(file, "sha256").hexdigest() == manifest.sha256
    return False


def _sweep(copies: Sequence[ListedCopy], folder: Path) -> None:
    """Remove what is left of tries with other copies, which may be encrypted in another way."""
    with disk_errors(folder, RESTORE), open_target(folder) as opened:
        for copy in copies:
            opened.unlink(partial_name(copy.stored.manifest.sha256))


def _older(copies: Sequence[ListedCopy], failed: ListedCopy) -> str:
    """A hint at the archive before one of which every copy is bad."""
    source = failed.stored.manifest.source.name
    older = {
        (copy.taken, copy.archive_id)
        for copy in copies
        if copy.stored.manifest.source.name == source and copy.taken < failed.taken
    }
    return f"The archive before it is {max(older)[1]}." if older else ""
