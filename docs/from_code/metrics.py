"""The metrics that the observer of type `prometheus` writes."""

from datetime import UTC, datetime

from labferry.sdk import ExportReport, Freshness, Outcome, RunReport
from labferry_notify.exposition import families

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_EXPORT = ExportReport("a", "b", "c", Outcome.STORED, 0, None, 1, (), (), seconds=1.0)
_COPY = Freshness(
    "a", "b", last_stored=_NOW, size=1, last_verified=_NOW, last_success=_NOW, seconds=1.0
)
_REPORT = RunReport(1, _NOW, _NOW, 0, (_EXPORT,), (), (_COPY,))


def metrics() -> str:
    """A table of all metrics with their labels, as a run with one of everything has them."""
    rows = ["| metric | labels | meaning |", "|---|---|---|"]
    for family in families(_REPORT):
        labels = ", ".join(f"`{name}`" for name in family.samples[0][0])
        rows.append(f"| `labferry_{family.name}` | {labels} | {family.description} |")
    return "\n".join(rows)
