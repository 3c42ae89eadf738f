"""What the ledger tells of all that was."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from labferry.ledger import Delivery, DeliveryState, Export, Ledger, Run
from labferry.ledger.history import Download, Failure, Size, Trust
from labferry.lifecycle import ExportJob, Phase
from labferry.sdk import Checked, Digests, Manifest, Offer, Receipt

Plan = Callable[..., Export]
Store = Callable[..., str]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def _manifest(export: Export) -> Manifest:
    name, offer = export.archive_id, export.job.offer
    return Manifest.model_validate(
        {
            "labferry_manifest": 1,
            "archive_id": name,
            "file": f"{name}.zip",
            "size": offer.size if offer else None,
            "sha256": "ab" * 32,
            "crc32": "00000000",
            "previous": None,
            "source": {"name": "chem", "type": "x", "url": "x", "series": "s", "parameters": {}},
            "job": {
                "id": "1",
                "submitted": export.job.submitted_at,
                "completed": export.job.completed_at,
            },
        }
    )


@pytest.fixture
def store(ledger: Ledger, plan: Plan, now: datetime) -> Store:
    """Let an archive have been stored, read back or not; returns its id."""

    def _store(
        job: str, *destinations: str, size: int = 10, age: timedelta = HOUR, **of: str
    ) -> str:
        begun = now - age
        done = ExportJob(
            *(Phase.DONE, begun, job),
            offer=Offer(None, size, 1),
            completed_at=begun,
            verified_at=begun + timedelta(seconds=size),
            digests=Digests("ab" * 32, 1),
        )
        export = replace(plan(**of), job=done)
        ledger.save(export)
        name, key = export.archive_id or "", export.archive_key or ""
        for destination in destinations:
            ledger.expect(export.id, [destination])
            ledger.copies.seal(destination, export, key, begun, lambda _: _manifest(export))
            receipt = Receipt(destination, name, key, size, Checked.SIZE)
            stored = Delivery(export.id, destination, DeliveryState.STORED, receipt=receipt)
            ledger.save_delivery(stored, begun)
        return name

    return _store


@pytest.fixture
def fail(ledger: Ledger, now: datetime, plan: Plan) -> Callable[..., int]:
    """Let a run have met a failure; returns its number."""

    def _fail(reason: str, destination: str = "", age: timedelta = HOUR, **of: str) -> int:
        run = ledger.begin_run(now - age)
        phase = Phase.DONE if destination else Phase.FAILED
        job = ExportJob(phase, reason="" if destination else reason)
        export = replace(plan(**of), run=run, job=job)
        ledger.save(export)
        if destination:
            ledger.expect(export.id, [destination])
            ledger.save_delivery(Delivery(export.id, destination, DeliveryState.FAILED, reason, 1))
        return run

    return _fail


def test_of_an_empty_ledger_there_is_nothing_to_tell(ledger: Ledger, now: datetime) -> None:
    past = ledger.past
    assert [*past.runs(), *past.downloads(), *past.sizes()] == []
    assert past.failures(10) == ([], 0)
    assert past.trust("nas", [now]) == {}
    assert past.held("nas") == (0, 0)
    assert past.least_trusted("nas", 10) == []


def test_runs_are_told_in_order_ended_or_not(ledger: Ledger, run: int, now: datetime) -> None:
    later = ledger.begin_run(now + HOUR)
    ledger.end_run(later, now + 2 * HOUR, 3)
    assert ledger.past.runs() == [
        Run(run, now, None, None),
        Run(later, now + HOUR, now + 2 * HOUR, 3),
    ]


def test_downloads_are_those_that_were_verified(
    ledger: Ledger, run: int, plan: Plan, store: Store, now: datetime
) -> None:
    store("1", size=40)
    on_its_way = ExportJob(Phase.COMPLETED, now, "2", offer=Offer(None, 5, 1), completed_at=now)
    ledger.save(replace(plan(), job=on_its_way))
    unsized = ExportJob(
        Phase.DONE, now, "3", offer=Offer(None, None, None), completed_at=now, verified_at=now
    )
    ledger.save(replace(plan(), job=unsized))

    assert ledger.past.downloads() == [Download(run, 40, 40.0)]


def test_sizes_name_each_archive_once_the_removed_too(
    ledger: Ledger, store: Store, now: datetime
) -> None:
    store("2", "nas", "offsite", size=20, age=HOUR)
    old = store("1", "nas", size=10, age=DAY)
    store("3", "nas", size=30, age=2 * HOUR, series="alice")
    ledger.copies.removing("nas", old, now)
    ledger.copies.removed("nas", old, now)

    assert ledger.past.sizes() == [
        Size("chem", "group 23", now - DAY, 10),
        Size("chem", "alice", now - 2 * HOUR, 30),
        Size("chem", "group 23", now - HOUR, 20),
    ]


def test_trust_counts_each_copy_once_by_its_last_good_look(
    ledger: Ledger, store: Store, now: datetime
) -> None:
    for age in range(4):
        name = store(f"{age}", "nas", age=(age + 1) * 10 * DAY)
        ledger.copies.check("nas", name, now - age * 10 * DAY, Checked.READ_BACK)
    store("never", "nas")
    bad = store("bad", "nas")
    ledger.copies.check("nas", bad, now, Checked.READ_BACK, "It is gone.")
    store("elsewhere", "offsite")

    bounds = [now - 5 * DAY, now - 15 * DAY]
    assert ledger.past.trust("nas", bounds) == {0: 1, 1: 1, 2: 2, None: 1, -1: 1}
    assert ledger.past.held("nas") == (6, 60)
    assert ledger.past.held("offsite") == (1, 10)


def test_least_trusted_are_bad_ones_then_those_never_read_back_then_the_oldest_looks(
    ledger: Ledger, store: Store, now: datetime
) -> None:
    fresh, old = store("fresh", "nas"), store("old", "nas")
    never, bad = store("never", "nas", age=DAY), store("bad", "nas")
    ledger.copies.check("nas", fresh, now, Checked.READ_BACK)
    ledger.copies.check("nas", old, now - DAY, Checked.READ_BACK)
    ledger.copies.check("nas", bad, now, Checked.READ_BACK, "Its SHA-256 is another one.")

    told = ledger.past.least_trusted("nas", 3)

    assert [each.archive_id for each in told] == [bad, never, old]
    assert told[1] == Trust("nas", "chem", never, now - DAY, None, "", "group 23")
    assert told[0].problem == "Its SHA-256 is another one."


def test_what_retention_is_removing_is_neither_held_nor_worried_about(
    ledger: Ledger, store: Store, now: datetime
) -> None:
    ledger.copies.removing("nas", store("1", "nas"), now)
    assert ledger.past.held("nas") == (0, 0)
    assert ledger.past.trust("nas", [now]) == {}
    assert ledger.past.least_trusted("nas", 10) == []


def test_failures_tell_each_message_once_the_newest_first(
    ledger: Ledger, fail: Callable[..., int], now: datetime
) -> None:
    fail("No answer.", age=3 * DAY)
    fail("No answer.", age=DAY)
    fail("No answer.", age=2 * DAY, source="bio")
    fail("The disk is full.", "nas")

    told, count = ledger.past.failures(10)

    assert count == 3
    assert told == [
        Failure("chem", "nas", "The disk is full.", 1, now - HOUR, now - HOUR),
        Failure("chem", "", "No answer.", 2, now - 3 * DAY, now - DAY),
        Failure("bio", "", "No answer.", 1, now - 2 * DAY, now - 2 * DAY),
    ]
    assert ledger.past.failures(1) == (told[:1], 3)


def test_a_time_that_makes_no_sense_is_refused(ledger: Ledger, run: int) -> None:
    ledger._store.execute("UPDATE runs SET started_at = 'soon'")
    with pytest.raises(ValueError, match="soon"):
        ledger.past.runs()
