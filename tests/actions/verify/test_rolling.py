"""Rolling read-back: each sync re-reads a share, and what it finds is told."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest

from labferry.ledger import Copies

from .conftest import VerifyLab

AT_ONCE = 'verify = { every = "1h" }\n'
"""Less than the day after which the next sync is expected: each sync reads everything."""
MONTHLY = 'verify = { every = "30d" }\n'


def _ages(lab: VerifyLab, destination: str, ages: dict[str, timedelta]) -> None:
    """Make copies look as if they were read back that long ago."""
    with closing(sqlite3.connect(lab.state / "ledger.db")) as connection, connection:
        for archive_id, age in ages.items():
            connection.execute(
                "UPDATE copies SET checked_at = checked_at - ?, verified_at = verified_at - ?, "
                "stored_at = stored_at - ? WHERE destination = ? AND archive_id = ?",
                (*(age // timedelta(microseconds=1),) * 3, destination, archive_id),
            )


def _checked(lab: VerifyLab, destination: str = "nas") -> dict[str, object]:
    def look(copies: Copies) -> dict[str, object]:
        return {copy.archive_id: copy.checked_at for copy in copies.at(destination)}

    checked: dict[str, object] = lab.ledger(look)
    return checked


def _read(lab: VerifyLab, act: Callable[[], object], destination: str = "nas") -> set[str]:
    """Which copies were read back meanwhile."""
    before = _checked(lab, destination)
    act()
    after = _checked(lab, destination)
    return {name for name in before if before[name] != after[name]}


def test_each_sync_reads_what_would_be_too_old_at_the_next(lab: VerifyLab) -> None:
    lab.configure(nas=MONTHLY)
    first, second, _ = lab.sync(3)
    assert _read(lab, lab.sync) == set()
    _ages(lab, "nas", {first: timedelta(days=29.5), second: timedelta(days=40)})
    _ages(lab, "offsite", {first: timedelta(days=40)})
    assert _read(lab, lab.sync) == {first, second}
    assert _read(lab, lab.sync) == set()
    assert _read(lab, lab.sync, "offsite") == set()


def test_budget_limits_all_but_what_is_overdue(lab: VerifyLab) -> None:
    lab.configure(nas='verify = { every = "30d", budget = "1 kB" }\n')
    first, second, third = lab.sync(3)
    soon = timedelta(days=29.5)
    _ages(lab, "nas", {first: timedelta(days=31), second: soon, third: soon})
    assert _read(lab, lab.sync) == {first}


@pytest.mark.parametrize("damage", [VerifyLab.damage, VerifyLab.remove])
def test_failing_copy_is_told_kept_and_repaired(
    lab: VerifyLab, damage: Callable[[VerifyLab, str], object]
) -> None:
    lab.configure(nas=AT_ONCE)
    first, _ = lab.sync(2)
    good = lab.contents()
    damage(lab, first)
    before = lab.contents()
    done = lab.run("sync")
    assert done.code == 4
    assert f"labferry verify nas {first} --repair" in done.err
    assert {name: lab.contents()[name] for name in before} == before
    assert lab.ledger(lambda copies: copies.get("nas", first)).problem
    assert lab.run("verify", "nas", first, "--repair").code == 0
    assert {name: lab.contents()[name] for name in good} == good
    assert lab.run("sync").code == 0


def test_failing_copy_is_a_warning_where_the_destination_is_not_required(lab: VerifyLab) -> None:
    lab.configure(nas=AT_ONCE + "required = false\n")
    first, _ = lab.sync(2)
    lab.damage(first)
    done = lab.run("sync")
    assert done.code == 0
    assert "its SHA-256 is not that of its manifest" in done.err


def test_archives_are_stored_all_the_same(lab: VerifyLab) -> None:
    lab.configure(nas=AT_ONCE)
    (first,) = lab.sync()
    lab.damage(first)
    assert lab.run("sync").code == 4
    assert len(lab.ids()) == len(lab.ids("offsite")) == 2


def test_new_ledger_learns_what_is_there_before_the_first_round(lab: VerifyLab) -> None:
    first, second = lab.sync(2)
    lab.forget()
    lab.configure(nas=AT_ONCE)
    lab.damage(first)
    done = lab.run("sync")
    assert done.code == 4
    assert {first, second} < set(_checked(lab))


def test_manifest_that_the_ledger_lost_is_looked_up(lab: VerifyLab) -> None:
    lab.configure(nas=AT_ONCE)
    first, _ = lab.sync(2)
    with closing(sqlite3.connect(lab.state / "ledger.db")) as connection, connection:
        connection.execute("DELETE FROM manifests")
    assert first in _read(lab, lab.sync)


def test_destination_that_cannot_be_read_is_told(lab: VerifyLab) -> None:
    lab.configure(nas=AT_ONCE)
    lab.sync()
    shutil.rmtree(lab.folder / "nas")
    done = lab.run("sync")
    assert done.code == 3
    assert "There is no folder" in done.err
