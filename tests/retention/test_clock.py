"""A clock that is wrong for one night costs no archive."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.ledger.conftest import Notebook
from tests.retention.conftest import RetentionLab

from labferry.ledger import Delivery, DeliveryState, Ledger
from labferry.lifecycle import ExportJob, Phase
from labferry.retention import moment_of
from labferry.sdk import ExportRequest, Offer, Retention, SourceSettings, StoredArchive
from labferry.sync.retention_apply import Retirement
from labferry.sync.retention_state import RetentionState
from labferry_local import LocalSettings, LocalSink

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)


@pytest.fixture
def ledger(lab: RetentionLab) -> Ledger:
    return Ledger(lab.folder / "state.db")


def runs(ledger: Ledger, *days: int) -> None:
    for day in days:
        ledger.begin_run(NOW + timedelta(days=day))


def jumped(ledger: Ledger, day: int) -> bool:
    return RetentionState(ledger, "nas").clock_jump(NOW + timedelta(days=day)) is not None


def test_nights_are_no_jump(ledger: Ledger) -> None:
    runs(ledger, 0, 1, 2, 30)
    assert not jumped(ledger, 31)
    assert not jumped(ledger, 75)
    assert jumped(ledger, 76)


def test_a_clock_ten_years_ahead_is_not_believed_for_as_long_as_it_lasts(ledger: Ledger) -> None:
    runs(ledger, 0, 1, 3650, 3651, 3652)
    assert jumped(ledger, 3653)


def test_a_clock_that_was_put_right_is_believed(ledger: Ledger) -> None:
    runs(ledger, 0, 1, 3650, 2)
    assert not jumped(ledger, 3)


def test_a_clock_that_somebody_confirmed_is_believed(ledger: Ledger) -> None:
    runs(ledger, 0, 1, 100)
    assert jumped(ledger, 101)
    ledger.confirm_clock(NOW + timedelta(days=101))
    runs(ledger, 102)
    assert not jumped(ledger, 103)


@pytest.mark.parametrize("later", [None, Phase.UNCHANGED])
def test_what_was_stored_last_stays_even_if_a_wrong_clock_made_another_one_look_newer(
    ledger: Ledger, tmp_path: Path, stored: Callable[..., StoredArchive], later: Phase | None
) -> None:
    ahead = stored(NOW + timedelta(days=5), job=1)
    right = stored(NOW + timedelta(days=1), job=2)
    sink = LocalSink("nas", LocalSettings(type="local", path=tmp_path))
    retirement = Retirement(sink, ledger, lambda: NOW + timedelta(days=6))
    retirement.learn([ahead, right])
    run, source = ledger.begin_run(NOW), Notebook("lab", SourceSettings(type="notebook"))

    def note(phase: Phase, archive: StoredArchive | None = None) -> None:
        export = ledger.plan(run, source, "alice@eln", ExportRequest("user", "User", {}))
        job = ExportJob(phase=phase)
        if archive is not None:
            number = archive.manifest.archive_id.rpartition("-")[2]
            offer = Offer("https://eln/1.zip", archive.size, 1)
            job = ExportJob(phase, moment_of(archive), number, offer=offer)
        ledger.save(replace(export, job=job))
        assert archive is None or ledger.newest("lab")[0].archive_id == archive.manifest.archive_id
        ledger.expect(export.id, ["nas"])
        ledger.save_delivery(Delivery(export.id, "nas", DeliveryState.STORED))

    note(Phase.DONE, ahead)
    note(Phase.DONE, right)
    if later is not None:
        note(later)

    decisions = retirement.decide([ahead, right], Retention(keep_last=1))

    assert {each.archive.key: each.reasons for each in decisions} == {
        ahead.key: ("last",),
        right.key: ("the last one that was stored",),
    }


def test_a_clock_may_be_an_hour_ahead(
    ledger: Ledger, tmp_path: Path, stored: Callable[..., StoredArchive]
) -> None:
    sink = LocalSink("nas", LocalSettings(type="local", path=tmp_path))
    archives = [stored(NOW + timedelta(hours=1, seconds=second)) for second in (0, 1)]

    decisions = Retirement(sink, ledger, lambda: NOW).decide(archives, Retention(keep_last=9))

    assert [each.reasons for each in decisions] == [
        ("last",),
        ("from the future: a clock is or was wrong",),
    ]


@pytest.mark.parametrize("retention", [{"keep_within": "30d"}, {"keep_last": 1}])
def test_after_a_jump_nothing_is_removed_until_it_is_confirmed(
    lab: RetentionLab, retention: dict[str, object]
) -> None:
    lab.configure(nas={"keep_last": 9})
    now = datetime.now(UTC).replace(microsecond=0)
    lab.store(now - timedelta(days=400), now - timedelta(days=399))
    assert lab.run("sync").code == 0
    lab.configure(nas=retention)
    ledger = Ledger(next(lab.folder.rglob("ledger.db")))
    ledger._store.execute("UPDATE runs SET started_at = ?", (now - timedelta(days=400)).isoformat())
    ledger.close()
    held = lab.held()
    done = lab.run("sync")
    assert done.code == 0
    assert "warning: nas: The clock jumped" in done.err
    assert {*held} <= {*lab.held()}
    refused = lab.run("prune")
    assert refused.code == 1
    assert "The clock jumped" in refused.err
    assert lab.run("prune", "--clock-is-right").code == 0
    assert len(lab.held()) < len(held) + 1
