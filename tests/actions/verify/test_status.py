"""`labferry status`: for people, for programs, and for monitoring."""

import re
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from labferry.testing.rspace import SimulatedRSpace

from .conftest import VerifyLab

CHECK = ("status", "--max-age", "26h")
LINE = re.compile(r"LABFERRY (OK|WARNING|CRITICAL|UNKNOWN): [^|\n]+(\| .+)?\n")


def _age(lab: VerifyLab, age: timedelta) -> None:
    """Let time pass since everything that the ledger knows of."""
    microseconds = age // timedelta(microseconds=1)
    with closing(sqlite3.connect(lab.state / "ledger.db")) as connection, connection:
        connection.execute(
            "UPDATE copies SET submitted_at = submitted_at - ?, checked_at = checked_at - ?, "
            "verified_at = verified_at - ?, stored_at = stored_at - ?",
            (microseconds,) * 4,
        )
        connection.execute(
            "UPDATE runs SET started_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', started_at, ?)",
            (f"-{age.total_seconds()} seconds",),
        )


def _row(lab: VerifyLab, destination: str = "nas") -> dict[str, object]:
    done = lab.run("status", "--json")
    (row,) = [r for r in done.document["standings"] if r["destination"] == destination]
    assert isinstance(row, dict)
    return row


def test_sync_that_never_ran_is_critical(lab: VerifyLab) -> None:
    done = lab.run(*CHECK)
    assert done.code == 2
    assert done.out == (
        "LABFERRY CRITICAL: 0 of 2 fresh; chem at nas: never stored; chem at offsite: never stored "
        "| 'chem/nas'=U;;93600;0 'chem/offsite'=U;;93600;0\n"
    )
    assert not lab.state.exists()


def test_fresh_copies_are_fine(lab: VerifyLab) -> None:
    lab.sync()
    done = lab.run(*CHECK)
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(
        r"LABFERRY OK: 2 of 2 fresh \| 'chem/nas'=\d+s;;93600;0 'chem/offsite'=\d+s;;93600;0\n",
        done.out,
    )


def test_old_copies_are_critical(lab: VerifyLab) -> None:
    lab.sync()
    _age(lab, timedelta(hours=27))
    done = lab.run(*CHECK)
    assert done.code == 2
    assert "0 of 2 fresh; chem at nas: 1 d 3 h old" in done.out
    assert lab.run("status", "--max-age", "28h").code == 0


def test_old_copies_where_they_are_not_required_are_a_warning(lab: VerifyLab) -> None:
    lab.sync()
    lab.configure(nas="required = false\n", offsite="required = false\n")
    _age(lab, timedelta(hours=27))
    assert lab.run(*CHECK).code == 1


def test_failing_sync_is_a_warning_while_copies_are_fresh(lab: VerifyLab) -> None:
    lab.sync()
    blocked = lab.folder / "nas"
    blocked.rename(lab.folder / "aside")
    assert lab.run("sync").code == 3
    done = lab.run(*CHECK)
    assert done.code == 1
    assert "1 of 2 fresh; chem at nas: There is no folder" in done.out
    assert ", 1 pending" in done.out
    assert LINE.fullmatch(done.out)
    row = _row(lab)
    assert (row["copies"], row["pending"], row["failing"]) == (1, 1, 0)
    (lab.folder / "aside").rename(blocked)
    assert lab.run("sync").code == 0
    assert lab.run(*CHECK).code == 0


def test_damaged_copy_is_critical_until_it_is_repaired(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    lab.damage(first)
    assert lab.run(*CHECK).code == 0
    assert lab.run("verify").code == 4
    done = lab.run(*CHECK)
    assert done.code == 2
    assert "chem at nas: 1 damaged or missing" in done.out
    assert lab.run("verify", "--repair").code == 0
    assert lab.run(*CHECK).code == 0


def test_copy_that_is_overdue_to_be_read_back_is_a_warning(lab: VerifyLab) -> None:
    lab.configure(nas='verify = { every = "30d" }\n')
    lab.sync()
    assert lab.run("status", "--max-age", "60d").code == 0
    _age(lab, timedelta(days=31))
    done = lab.run("status", "--max-age", "60d")
    assert done.code == 1
    assert "chem at nas: overdue to be read back" in done.out


def test_finding_nothing_new_is_a_success(lab: VerifyLab) -> None:
    text = lab.config.read_text().replace('scope = "user"', 'scope = "user"\nskip_unchanged = true')
    lab.config.write_text(text)
    lab.sync()
    _age(lab, timedelta(hours=27))
    assert lab.run(*CHECK).code == 2
    lab.sync()
    row = _row(lab)
    assert row["copies"] == 1
    assert str(row["last_success"]) > str(row["last_stored"])
    assert lab.run(*CHECK).code == 0


def test_ledger_that_cannot_be_read_is_unknown(lab: VerifyLab) -> None:
    lab.sync()
    (lab.state / "ledger.db").write_text("This is no database, but a note.\n" * 99)
    for path in lab.state.glob("ledger.db-*"):
        path.unlink()
    done = lab.run(*CHECK)
    assert done.code == 3
    assert LINE.fullmatch(done.out)
    assert done.out.startswith("LABFERRY UNKNOWN: The ledger ")
    assert not list(lab.state.glob("*.damaged-*"))
    assert lab.run("status").code == 1


def test_wrong_configuration_is_unknown(lab: VerifyLab) -> None:
    lab.config.write_text("[[[")
    done = lab.run(*CHECK)
    assert done.code == 3
    assert LINE.fullmatch(done.out)
    assert lab.run("status").code == 2


def test_table_has_a_row_for_each_destination(lab: VerifyLab) -> None:
    lab.configure(nas='verify = { every = "30d" }\n')
    lab.sync(2)
    head, *rows = lab.run("status").out.splitlines()
    columns = ["SOURCE", "WORK OF", "DESTINATION", "LAST SUCCESS (UTC)"]
    assert re.split(r"\s{2,}", head)[:4] == columns
    nas, offsite = (re.split(r"\s{2,}", row) for row in rows)
    assert (nas[0], nas[2], nas[6], nas[9]) == ("chem", "nas", "2", "ok")
    assert nas[8] != "-"
    assert (offsite[2], offsite[6], offsite[8]) == ("offsite", "2", "-")


def test_document_says_all(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    row = _row(lab)
    assert set(row) == {
        *("source", "destination", "last_success", "last_stored", "size", "copies"),
        *("last_verified", "next_due", "pending", "failing", "problem", "required", "seconds"),
        *("names", "never_stored", "download_check"),
    }
    assert row["size"] == lab.archive(first).stat().st_size
    assert (row["copies"], row["pending"], row["failing"], row["problem"]) == (1, 0, 0, "")
    assert row["last_success"] == row["last_stored"]
    assert lab.run("status", "--json", "--max-age", "1s").code in {0, 2}


def test_series_that_is_behind_counts(lab: VerifyLab, server: SimulatedRSpace) -> None:
    """Of several series, the age is that of the one whose last success is longest ago."""
    lab.sync()
    with closing(sqlite3.connect(lab.state / "ledger.db")) as connection, connection:
        connection.execute(
            "INSERT INTO exports (run, source, source_type, source_url, lane, request, phase, job, "
            "seal) SELECT run, source, source_type, source_url, lane, "
            "json_set(request, '$.series', 'another'), 'failed', "
            "json_set(job, '$.reason', 'It failed.'), 0 FROM exports"
        )
    done = lab.run(*CHECK)
    assert done.code == 2
    assert "something was never stored, It failed." in done.out


@pytest.mark.parametrize("age", ["26", "soon"])
def test_age_that_is_none_is_a_mistake(lab: VerifyLab, age: str) -> None:
    done = lab.run("status", "--max-age", age)
    assert done.code == 2
    assert "is no duration" in done.err
