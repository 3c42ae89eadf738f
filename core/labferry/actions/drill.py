"""`labferry drill`: is what is stored good for a restore, and how long would one take?

Nothing but the destinations is needed, and nothing is kept of what was restored.
"""

import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from labferry.actions.session import Session
from labferry.config import Config
from labferry.copies.download import fetch
from labferry.copies.names import NewestNames
from labferry.copies.partial_file import RESTORE, PartialFile
from labferry.copies.query import ask_side_by_side, stored_archives
from labferry.copies.reader import check_contents
from labferry.copies.select import ListedCopy, copies_of, newest
from labferry.copies.trust import Trust
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.progress import Progress
from labferry.runtime.stop import Stop
from labferry.sdk import (
    FullError,
    LabferryError,
    Names,
    NotFoundError,
    Secret,
    StoppedError,
    StoredArchive,
    redact,
)
from labferry.sdk.files import disk_errors

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trial:
    """The newest archive of one source, restored from one destination.

    Attributes:
        destination: The destination's name.
        source: The source's name; empty if nothing is known of the destination.
        archive_id: The archive; None if there is none.
        taken: When its export was asked for, UTC.
        recovery_point_seconds: How old it was: what was written to the notebook in this time
            would be lost.
        size: Its size in bytes.
        recovery_time_seconds: How long it took to restore, verify and open it.
        bytes_per_second: How fast it came.
        files: How many files were found in it, each one read and found right; None if it is
            neither a zip nor an `.eln` file.
        problem: Why it is not good; empty if it is good.
        exit_code: What the process should exit with because of it; 0 if it is good.
        names: Whose work it holds, by the newest names that are known.
    """

    destination: str
    source: str
    archive_id: str | None = None
    taken: datetime | None = None
    recovery_point_seconds: float | None = None
    size: int | None = None
    recovery_time_seconds: float | None = None
    bytes_per_second: int | None = None
    files: int | None = None
    problem: str = ""
    exit_code: int = 0
    names: Names = field(default_factory=Names)


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill that was held.

    Attributes:
        started: When it began, UTC.
        ended: When it ended, UTC.
        trials: What was tried.
    """

    started: datetime
    ended: datetime
    trials: tuple[Trial, ...]

    @property
    def is_good(self) -> bool:
        """Whether there was something to restore, and all of it is good."""
        return bool(self.trials) and not any(trial.exit_code for trial in self.trials)


def drill(
    session: Session,
    stop: Stop,
    identities: Sequence[Secret] = (),
    progress: Progress | None = None,
) -> Drill:
    """Restore the newest archive of each source from each destination.

    Args:
        session: The configuration. If it has sources, each must have an archive at each of
            its destinations.
        stop: Ends it early.
        identities: The private keys to decrypt with; the destination's if there are none.
        progress: Shows what is going on.

    Raises:
        StoppedError: A signal came; nothing is left behind.
    """
    started = datetime.now(UTC)
    config = session.config
    answers = ask_side_by_side(config.destinations.values(), stored_archives, stop)
    progress = progress or Progress()
    trials = []
    for name in config.destinations:
        failure = answers.failures.get(name)
        if failure is not None:
            trials.append(_failed(Trial(name, ""), failure))
        else:
            trials += _try_destination(config, name, answers.given, identities, stop, progress)
    return Drill(started, datetime.now(UTC), tuple(trials))


def _try_destination(
    config: Config,
    name: str,
    stored: Mapping[str, Sequence[StoredArchive]],
    identities: Sequence[Secret],
    stop: Stop,
    progress: Progress,
) -> list[Trial]:
    copies = copies_of([config.destinations[name]], stored)
    there = {copy.stored.manifest.source.name for copy in copies}
    trust = Trust(config, copies)
    names = NewestNames(config, copies, trust)
    trials = []
    for source in sorted(there | _expected(config, name)) or [""]:
        copy = newest(c for c in copies if c.stored.manifest.source.name == source)
        if copy is None:
            missing = NotFoundError("Nothing is stored here.", hint="Has a sync been run?")
            trials.append(_failed(Trial(name, source), missing))
        else:
            trials.append(_try_copy(copy, trust, names, identities, stop, progress))
    return trials


def _expected(config: Config, destination: str) -> set[str]:
    """The sources whose archives the configuration sends to a destination."""
    syncs = config.syncs.values()
    return {source for sync in syncs if destination in sync.destinations for source in sync.sources}


def _try_copy(
    copy: ListedCopy,
    trust: Trust,
    names: NewestNames,
    identities: Sequence[Secret],
    stop: Stop,
    progress: Progress,
) -> Trial:
    _log.info("Restoring %s from %s", copy.archive_id, copy.config.name)
    trial = Trial(
        copy.config.name,
        copy.stored.manifest.source.name,
        archive_id=copy.archive_id,
        taken=copy.taken,
        recovery_point_seconds=(datetime.now(UTC) - copy.taken).total_seconds(),
        size=copy.stored.size,
        names=names.of(copy),
    )
    try:
        trust.require(copy)
        return _restore(copy, trial, identities, stop, progress)
    except StoppedError:
        raise
    except Exception as error:  # noqa: BLE001 - one bad copy must not end the drill
        return _failed(trial, wrap_plugin_error(error, f"The sink of {copy.config.name}"))


def _restore(
    copy: ListedCopy, trial: Trial, identities: Sequence[Secret], stop: Stop, progress: Progress
) -> Trial:
    began = time.monotonic()
    with _scratch() as folder, PartialFile(Path(folder), copy.stored.manifest.sha256) as partial:
        try:
            manifest = fetch(copy, partial, identities, stop, progress)
        except FullError as error:
            hint = "Set TMPDIR to a folder on a disk with more space."
            raise FullError(error.message, hint=hint) from error
        fetched = time.monotonic() - began
        with disk_errors(partial.path, RESTORE):
            files = check_contents(partial.file, manifest, stop)
    return replace(
        trial,
        recovery_time_seconds=round(time.monotonic() - began, 3),
        bytes_per_second=round(copy.stored.size / max(fetched, 0.001)),
        files=files,
        names=trial.names or manifest.names,
    )


def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="labferry-drill-")


def _failed(trial: Trial, error: LabferryError) -> Trial:
    return replace(trial, problem=redact(str(error)), exit_code=error.exit_code)
