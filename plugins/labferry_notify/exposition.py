"""Metrics in the text format of Prometheus.

The format is that of https://prometheus.io/docs/instrumenting/exposition_formats/. Samples have
no times of their own: node_exporter's textfile collector refuses those.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from labferry.sdk import Freshness, Outcome, RunReport

_PREFIX = "labferry_"
_LINE = re.compile(r"^(?:# (?:HELP|TYPE) )?(\w+).*\n", re.MULTILINE)

Labels = Mapping[str, str]
Samples = tuple[tuple[Labels, float], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with all its samples; every metric is a gauge.

    Attributes:
        name: Its name, without the prefix.
        description: What it means.
        samples: A value for each set of labels.
    """

    name: str
    description: str
    samples: Samples


def families(report: RunReport) -> Iterator[Family]:
    """What a run has to say."""
    yield from _of_the_run(report)
    yield from _of_its_sources(report)
    yield from _of_its_copies(report.freshness)


def render(metrics: Iterable[Family], labels: Labels) -> str:
    """Metrics as text.

    Args:
        metrics: The metrics; those without a sample are left out.
        labels: Labels that every sample has besides its own.
    """
    return "".join(line for family in metrics for line in _lines(family, labels))


def of_copies(text: str) -> str:
    """Those lines of a text of metrics that tell how copies stand."""
    names = {f"{_PREFIX}{family.name}" for family in _of_its_copies(())}
    return "".join(line[0] for line in _LINE.finditer(text) if line[1] in names)


def _of_the_run(report: RunReport) -> Iterator[Family]:
    def one(name: str, description: str, value: float) -> Family:
        return Family(name, description, (({}, value),))

    seconds = (report.ended - report.started).total_seconds()
    started, ended = report.started.timestamp(), report.ended.timestamp()
    yield one("run_started_timestamp_seconds", "When the last run began.", started)
    yield one("run_ended_timestamp_seconds", "When the last run ended.", ended)
    yield one("run_duration_seconds", "How long the last run took.", seconds)
    yield one("run_exit_code", "What the last run exited with.", report.exit_code)
    yield one(
        "run_complete",
        "Whether every required destination has a checked copy of all that the last run exported.",
        report.complete,
    )
    yield one(
        "run_problems",
        "How many problems the last run had outside of its exports.",
        len(report.problems),
    )


def _of_its_sources(report: RunReport) -> Iterator[Family]:
    names = dict.fromkeys(export.source for export in report.exports)
    counts: list[tuple[Labels, float]] = []
    sizes: list[tuple[Labels, float]] = []
    seconds: list[tuple[Labels, float]] = []
    for name in names:
        exports = [export for export in report.exports if export.source == name]
        for outcome in Outcome:
            count = sum(export.outcome is outcome for export in exports)
            counts.append(({"source": name, "outcome": outcome}, count))
        stored = [e.size or 0 for e in exports if e.outcome is Outcome.STORED]
        sizes.append(({"source": name}, sum(stored)))
        if lengths := [e.seconds for e in exports if e.seconds is not None]:
            seconds.append(({"source": name}, max(lengths)))
    yield Family("exports", "How many exports of the last run ended like this.", tuple(counts))
    yield Family("exported_bytes", "How much the last run exported and stored.", tuple(sizes))
    yield Family(
        "export_duration_seconds",
        "How long the slowest export of the last run took, from asking for it until its archive "
        "was here and checked.",
        tuple(seconds),
    )


def _of_its_copies(rows: Iterable[Freshness]) -> Iterator[Family]:
    at = [({"source": row.source, "destination": row.destination}, row) for row in rows]

    def times(values: Iterable[tuple[Labels, datetime | None]]) -> Samples:
        return tuple((labels, value.timestamp()) for labels, value in values if value)

    yield Family(
        "last_success_timestamp_seconds",
        "As of when everything that the source last planned is stored there.",
        times((labels, row.last_success) for labels, row in at),
    )
    yield Family(
        "last_stored_timestamp_seconds",
        "When labferry asked for the newest archive that is stored there.",
        times((labels, row.last_stored) for labels, row in at),
    )
    yield Family(
        "last_stored_bytes",
        "The size of the newest archive that is stored there.",
        tuple((labels, row.size) for labels, row in at if row.size is not None),
    )
    yield Family(
        "last_stored_duration_seconds",
        "How long the newest archive there took, from asking for it until it was stored.",
        tuple((labels, row.seconds) for labels, row in at if row.seconds is not None),
    )
    yield Family(
        "stored_archives",
        "How many archives are stored there.",
        tuple((labels, row.copies) for labels, row in at),
    )
    yield Family(
        "last_verified_timestamp_seconds",
        "When the least recently verified copy there was last read back.",
        times((labels, row.last_verified) for labels, row in at),
    )
    yield Family(
        "pending_archives",
        "How many archives are still to be stored there.",
        tuple((labels, row.pending) for labels, row in at),
    )
    yield Family(
        "delivery_failed",
        "Whether the newest attempt to store something there failed.",
        tuple((labels, bool(row.problem)) for labels, row in at),
    )


def _lines(family: Family, labels: Labels) -> Iterator[str]:
    if not family.samples:
        return
    name = f"{_PREFIX}{family.name}"
    yield f"# HELP {name} {family.description}\n"
    yield f"# TYPE {name} gauge\n"
    for own, value in family.samples:
        pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in {**labels, **own}.items())
        braces = f"{{{pairs}}}" if pairs else ""
        yield f"{name}{braces} {_number(value)}\n"


def _number(value: float) -> str:
    """Whole numbers as such, all others with every digit that they have."""
    return str(int(value)) if value == int(value) else repr(value)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
