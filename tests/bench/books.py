"""A ledger that years of deliveries are in."""

import statistics
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from labferry.ledger import Delivery, DeliveryState, Export, Ledger
from labferry.lifecycle import ExportJob, Phase
from labferry.sdk import (
    Checked,
    Digests,
    ExportRequest,
    Manifest,
    ManifestJob,
    ManifestSource,
    Offer,
    Receipt,
    Secret,
)
from labferry.testing.rspace import ALICE_KEY
from labferry_rspace import RSpaceSettings, RSpaceSource

from .results import MIB, Plan, Row, seconds
from .site import Site, source

_DELIVERIES = 100_000
_DESTINATIONS = ("nas", "offsite", "box", "vault")
_SOURCES = 20
_BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
_GOAL = 0.5
_URL = "https://rspace.example.edu"


def ledger(plan: Plan) -> list[Row]:
    """Opening it as a sync does, `status`, and `list`."""
    count = plan.count(_DELIVERIES, len(_DESTINATIONS) * _SOURCES)
    sources = {f"lab{number}": source(_URL, "ALICE_KEY") for number in range(_SOURCES)}
    places = {name: {"type": "local", "path": plan.place(name)} for name in _DESTINATIONS}
    site = Site(plan.place("site"), sources, places, {"ALICE_KEY": ALICE_KEY})
    path = site.state / "ledger.db"
    path.parent.mkdir()
    _fill(path, count)
    measured = {
        "start of a sync": _median(plan, lambda: Ledger(path).close()),
        "labferry status": _median(plan, lambda: site.labferry("status")),
        "labferry list": _median(plan, lambda: site.labferry("list")),
    }
    # `list` asks the destinations, which are empty here: this is what the ledger adds to it.
    detail = f"{count} deliveries, {path.stat().st_size / MIB:.0f} MiB"
    return [Row(f"ledger: {what}", taken, _GOAL, "s", detail) for what, taken in measured.items()]


def _median(plan: Plan, action: Callable[[], object]) -> float:
    return statistics.median(seconds(action) for _ in range(plan.rounds))


def _fill(path: Path, deliveries: int) -> None:
    """Let time pass: a run a day, each with an export of every source."""
    settings = RSpaceSettings(type="rspace", url=_URL, api_key=Secret.plain(ALICE_KEY))
    with closing(Ledger(path)) as book:
        # A disk that forces everything down would make this take an hour.
        book._store.connection.execute("PRAGMA synchronous = OFF")
        sources = [RSpaceSource(f"lab{number}", settings) for number in range(_SOURCES)]
        for day in range(deliveries // len(_DESTINATIONS) // _SOURCES):
            now = _BEGAN + timedelta(days=day)
            run = book.begin_run(now)
            for each in sources:
                _deliver(book, run, each, now)
            book.end_run(run, now, 0)
        for each in sources:
            each.close()


def _deliver(book: Ledger, run: int, source: RSpaceSource, now: datetime) -> None:
    request = ExportRequest("user", "alice's work", {"scope": "user"})
    planned = book.plan(run, source, "lane", request)
    job = ExportJob(
        phase=Phase.DONE,
        server_job=str(planned.id),
        submitted_at=now,
        completed_at=now,
        offer=Offer(None, MIB, planned.id),
        digests=Digests(f"{planned.id:064x}", planned.id),
    )
    export = replace(planned, job=job)
    book.save(export)
    book.expect(export.id, _DESTINATIONS)
    for destination in _DESTINATIONS:
        _store(book, export, destination, now)


def _store(book: Ledger, export: Export, destination: str, now: datetime) -> None:
    name, key = export.archive_id or "", export.archive_key or ""

    def manifest(previous: str | None) -> Manifest:
        return Manifest(
            labferry_manifest=1,
            archive_id=name,
            file=key.rpartition("/")[2],
            size=MIB,
            sha256=f"{export.id:064x}",
            crc32=f"{export.id:08x}",
            source=ManifestSource(
                name=export.source,
                type=export.source_type,
                url=export.source_url,
                series=export.request.series,
                parameters=dict(export.request.parameters),
            ),
            job=ManifestJob(id=export.job.server_job, submitted=now, completed=now),
            previous=previous,
        )

    book.copies.seal(destination, export, key, now, manifest)
    receipt = Receipt(destination, name, key, MIB, Checked.READ_BACK)
    book.save_delivery(Delivery(export.id, destination, DeliveryState.STORED, receipt=receipt), now)
