"""A clock that is wrong for one night costs no archive."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.retention.conftest import RetentionLab

from labferry.ledger import Ledger
from labferry.sync.retention_state import RetentionState

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
    assert lab.run("sync").code == 0
    assert {*held} <= {*lab.held()}
    refused = lab.run("prune")
    assert refused.code == 1
    assert "The clock jumped" in refused.err
    assert lab.run("prune", "--clock-is-right").code == 0
    assert len(lab.held()) < len(held) + 1
