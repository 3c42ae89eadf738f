"""The newest names of each series, from plans and from manifests."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.paths import ROOT

from labferry.ledger import Ledger
from labferry.sdk import (
    Manifest,
    ManifestJob,
    ManifestNames,
    ManifestSource,
    Names,
    Secret,
    StoredArchive,
    archive_id,
)

ALICE, BROWN = Names("alice", "Alice Archer"), Names("alice", "Alice Brown")


def known(ledger: Ledger) -> dict[tuple[str, str], Names]:
    return {key: each.names for key, each in ledger.names.all().items()}


def stored(submitted: datetime, **names: Any) -> StoredArchive:  # noqa: ANN401 - names of any kind
    identity = archive_id(submitted, "chem", "9")
    origin = ManifestSource(
        name="chem",
        type="notebook",
        url="",
        series="user",
        parameters={},
        names=ManifestNames(**names) if names else None,
    )
    manifest = Manifest(
        labferry_manifest=1,
        archive_id=identity,
        file=f"{identity}.zip",
        size=1,
        sha256="0" * 64,
        crc32="0" * 8,
        source=origin,
        job=ManifestJob(id="9", submitted=submitted, completed=submitted),
    )
    return StoredArchive(f"chem/{identity}.zip", 1, manifest)


def test_the_newest_plan_is_right(ledger: Ledger, now: datetime) -> None:
    ledger.names.note("chem", "user", BROWN, now)
    # The clock may have been put right meanwhile.
    ledger.names.note("chem", "user", ALICE, now - timedelta(days=1))
    ledger.names.note("bio", "user", BROWN, now)
    assert known(ledger) == {("chem", "user"): ALICE, ("bio", "user"): BROWN}


def test_names_that_are_not_given_any_more_stay(ledger: Ledger, now: datetime) -> None:
    ledger.names.note("chem", "user", ALICE, now)
    ledger.names.note("chem", "user", Names(), now)
    assert known(ledger) == {("chem", "user"): ALICE}


@pytest.mark.parametrize("backwards", [False, True])
def test_the_newest_manifest_is_right_in_any_order(
    ledger: Ledger, now: datetime, *, backwards: bool
) -> None:
    days = [
        stored(now - timedelta(days=2), username="alice", full_name="Alice Archer"),
        stored(now - timedelta(days=1), username="alice", full_name="Alice Brown"),
        stored(now),
    ]
    ledger.copies.learn("nas", reversed(days) if backwards else days, now)
    assert known(ledger) == {("chem", "user"): BROWN}


def test_a_manifest_of_the_future_does_not_outlive_the_next_plan(
    ledger: Ledger, now: datetime
) -> None:
    ledger.copies.adopt("nas", stored(now + timedelta(days=9999), username="mallory"), now)
    ledger.names.note("chem", "user", ALICE, now)
    ledger.copies.adopt("offsite", stored(now + timedelta(days=9998), username="mallory"), now)
    assert known(ledger) == {("chem", "user"): ALICE}


def test_a_key_that_stands_for_a_name_is_not_written(ledger: Ledger, now: datetime) -> None:
    key = Secret.plain("abcdefgh12345678").reveal()
    ledger.names.note("chem", "user", Names("alice", f"Alice {key}"), now)
    assert known(ledger) == {("chem", "user"): Names("alice", "Alice ***")}


def test_the_ledger_of_0_1_0_knows_no_names_and_learns_them(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "ledger.db"
    shutil.copy(ROOT / "tests" / "data" / "installation-0.1.0" / "state" / "ledger.db", path)
    ledger = Ledger(path)
    try:
        assert ledger.set_aside is None
        assert known(ledger) == {}
        (row, *_) = ledger.standings({"chem-lab": ("nas", "offsite")}, {})
        assert (row.copies, row.names, row.never_stored) == (1, (), ())
        series = ledger.newest("chem-lab")[0].request.series
        assert ledger.newest("chem-lab")[0].request.names == Names()
        ledger.names.note("chem-lab", series, Names(group_name="Chem Lab"), now)
        (row, *_) = ledger.standings({"chem-lab": ("nas", "offsite")}, {})
        assert row.names == (Names(group_name="Chem Lab"),)
    finally:
        ledger.close()
