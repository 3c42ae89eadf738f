"""The dated report of a drill, for people (Markdown) and for machines (JSON)."""

import json
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from labferry import __version__
from labferry.actions.drill import Drill, Trial
from labferry.copies.partial_file import RESTORE
from labferry.runtime.units import show_moment, show_seconds, show_size
from labferry.sdk import ConflictError, printable
from labferry.sdk.files import disk_errors

_JSON = ".json"
_METHOD = (
    "labferry restored the newest archive of each source from each destination into a scratch "
    "folder. It compared every byte with the manifest (SHA-256), opened the archive, read and "
    "compared each file in it (CRC-32), and deleted the restored files."
)
_HEAD = (
    *("destination", "source", "archive", "recovery point", "size", "recovery time", "throughput"),
    *("files", "result"),
)
_WHOSE = "work of"
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&]")


def check_report(path: Path) -> None:
    """Make sure, before a long drill, that its report can be written.

    Raises:
        ConflictError: There is a report already; a record is not overwritten.
        LabferryError: The folder can't be used.
    """
    for each in (path, path.with_suffix(_JSON)):
        if each.exists() or each.is_symlink() or path.suffix == _JSON:
            raise ConflictError(
                f"The report can't be written to {path}: neither this file nor the one "
                f"beside it that ends in {_JSON} may exist yet.",
                hint="Name another file, for example: --to-report drill-$(date +%F).md",
            )
    with disk_errors(path.parent, RESTORE):
        os.scandir(path.absolute().parent).close()


def as_markdown(drill: Drill, config: Path) -> str:
    """The report for people.

    Args:
        drill: The drill.
        config: The configuration that it was held with.
    """
    bad = sum(bool(trial.exit_code) for trial in drill.trials)
    verdict = (
        "Everything that was tried could be restored."
        if drill.is_good
        else f"{bad} of {len(drill.trials)} could NOT be restored."
    )
    lines = [
        f"# Restore drill, {show_moment(drill.started)} UTC",
        "",
        f"**{verdict}**",
        "",
        _METHOD,
        "",
        f"- Began: {_exact(drill.started)}",
        f"- Ended: {_exact(drill.ended)}",
        f"- Machine: {platform.node()}",
        f"- labferry: {__version__}",
        f"- Configuration: {config}",
        "",
        *_table(drill.trials),
        "",
        *_explanations(drill),
    ]
    return "\n".join(map(printable, lines))


def as_document(drill: Drill, config: Path) -> Mapping[str, object]:
    """The report for machines.

    Args:
        drill: The drill.
        config: The configuration that it was held with.
    """
    return {
        "started": _exact(drill.started),
        "ended": _exact(drill.ended),
        "machine": platform.node(),
        "labferry": __version__,
        "config": str(config),
        "is_good": drill.is_good,
        "trials": [
            {**asdict(trial), "taken": _exact(trial.taken) if trial.taken else None}
            for trial in drill.trials
        ],
    }


def write_report(path: Path, drill: Drill, config: Path) -> None:
    """Write both: Markdown into a file, JSON beside it.

    Raises:
        LabferryError: They can't be written.
    """
    document = json.dumps({"labferry_drill": 1, **as_document(drill, config)}, indent=2)
    _write(path, as_markdown(drill, config))
    _write(path.with_suffix(_JSON), f"{document}\n")


def _write(path: Path, text: str) -> None:
    with disk_errors(path, RESTORE), path.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _table(trials: Sequence[Trial]) -> Iterator[str]:
    """A row for each trial; whose work it is only if that is known of one."""
    rows = [(_HEAD, _WHOSE), *((_cells(trial), str(trial.names) or "-") for trial in trials)]
    if any(trial.names for trial in trials):
        shown = [(*cells[:3], whose, *cells[3:]) for cells, whose in rows]
    else:
        shown = [cells for cells, _ in rows]
    head, *others = shown
    yield _line(head)
    yield f"|{'---|' * len(head)}"
    yield from map(_line, others)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    """What comes from elsewhere neither ends its cell nor becomes a link, a tag or an emphasis."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _cells(trial: Trial) -> tuple[str, ...]:
    age, seconds, speed = (
        trial.recovery_point_seconds,
        trial.recovery_time_seconds,
        trial.bytes_per_second,
    )
    return (
        trial.destination,
        trial.source or "-",
        trial.archive_id or "-",
        f"{show_seconds(age)} ago" if age is not None else "-",
        show_size(trial.size) if trial.size is not None else "-",
        show_seconds(seconds) if seconds is not None else "-",
        f"{show_size(speed)}/s" if speed is not None else "-",
        str(trial.files) if trial.files is not None else "-",
        "FAILED" if trial.exit_code else "good",
    )


def _explanations(drill: Drill) -> Iterator[str]:
    failed = [trial for trial in drill.trials if trial.exit_code]
    if failed:
        yield "## What failed"
        yield ""
        for trial in failed:
            what = trial.archive_id or trial.source or "the destination itself"
            yield f"- {_escaped(f'{trial.destination}, {what}: {trial.problem}')}"
        yield ""
    yield (
        "Recovery point: the age of the restored state; everything written to the notebook "
        "since then would be lost. Recovery time: how long this machine took to fetch, verify "
        "and open the archive."
    )
    yield ""


def _exact(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
