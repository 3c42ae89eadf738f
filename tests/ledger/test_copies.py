"""What the ledger remembers of each destination's copies."""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labferry.ledger import Copy, Delivery, DeliveryState, Export, Ledger
from labferry.ledger.migrations import MIGRATIONS
from labferry.lifecycle import ExportJob, Phase
from labferry.sdk import (
    Checked,
    ConflictError,
    Digests,
    Manifest,
    Offer,
    Receipt,
    Secret,
    StateError,
    StoredArchive,
)

Plan = Callable[..., Export]
Seal = Callable[..., bytes]
Commit = Callable[..., Copy]

HOUR = timedelta(hours=1)
SHA256 = "ab" * 32


def manifest(archive_id: str, previous: str | None = None, sha256: str = SHA256) -> Manifest:
    return Manifest.model_validate(
        {
            "labferry_manifest": 1,
            "archive_id": archive_id,
            "file": f"{archive_id}.zip",
            "size": 10,
            "sha256": sha256,
            "crc32": "00000000",
            "previous": previous,
            "source": {"name": "chem", "type": "x", "url": "x", "series": "s", "parameters": {}},
            "job": {
                "id": "1",
                "submitted": datetime(2026, 1, 2, tzinfo=UTC),
                "completed": "2026-01-02T00:00:00Z",
            },
        }
    )


@pytest.fixture
def archived(ledger: Ledger, plan: Plan, now: datetime) -> Callable[..., Export]:
    """An export with a verified archive."""

    def _archived(job: str = "1", **origin: str) -> Export:
        offer = Offer("https://eln/1.zip", 10, 1)
        done = ExportJob(
            *(Phase.DONE, now, job),
            offer=offer,
            verified_at=now,
            digests=Digests(SHA256, 1),
        )
        export = replace(plan(**origin), job=done)
        ledger.save(export)
        return export

    return _archived


@pytest.fixture
def seal(ledger: Ledger, now: datetime) -> Seal:
    def _seal(export: Export, destination: str = "nas", sha256: str = SHA256) -> bytes:
        name = export.archive_id or ""
        return ledger.copies.seal(
            *(destination, export, export.archive_key or "", now),
            lambda previous: manifest(name, previous, sha256),
        )

    return _seal


@pytest.fixture
def commit(ledger: Ledger, seal: Seal, now: datetime) -> Commit:
    """Seal a copy and commit it."""

    def _commit(
        export: Export, destination: str = "nas", checked: Checked = Checked.READ_BACK
    ) -> Copy:
        seal(export, destination)
        ledger.expect(export.id, [destination])
        receipt = Receipt(
            *(destination, export.archive_id or "", export.archive_key or "", 10, checked),
            version_id="v1",
        )
        stored = Delivery(export.id, destination, DeliveryState.STORED, receipt=receipt)
        ledger.save_delivery(stored, now)
        copy = ledger.copies.get(destination, export.archive_id or "")
        assert copy is not None
        return copy

    return _commit


def digest(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


def test_sealing_again_gives_the_same_bytes(
    path: Path, ledger: Ledger, archived: Callable[..., Export], seal: Seal, commit: Commit
) -> None:
    first, second = archived("1"), archived("2")
    document = seal(first)
    commit(second)
    assert seal(first) == document
    again = Ledger(path)
    assert again.copies.document("nas", first.archive_id or "") == document
    again.close()


def test_previous_is_the_copy_committed_last_there(
    ledger: Ledger, archived: Callable[..., Export], seal: Seal, commit: Commit
) -> None:
    first, second, third = archived("1"), archived("2"), archived("3")
    copy = commit(first)
    assert (copy.previous, copy.manifest) == (None, digest(seal(first)))
    # Both of these were sealed before either was committed: the chain may fork.
    seal(second)
    seal(third)
    assert commit(second).previous == commit(third).previous == copy.manifest
    assert commit(archived("4")).previous == digest(seal(third))
    assert commit(first, "offsite").previous is None


def test_committed_copy_says_all_about_itself(
    archived: Callable[..., Export], commit: Commit, now: datetime
) -> None:
    export = archived()
    copy = commit(export)
    assert copy == Copy(
        destination="nas",
        archive_id=export.archive_id or "",
        source="chem",
        series="group 23",
        key=export.archive_key or "",
        size=10,
        sha256=SHA256,
        version_id="v1",
        submitted_at=now,
        manifest=copy.manifest,
        previous=None,
        place=1,
        stored_at=now,
        checked="read-back",
        checked_at=now,
        verified_at=now,
        problem="",
        removing_at=None,
        removed_at=None,
        download_check=None,
    )
    assert copy.is_present


def test_committing_again_changes_nothing(
    ledger: Ledger, archived: Callable[..., Export], commit: Commit, now: datetime
) -> None:
    first = archived("1")
    commit(first)
    commit(archived("2"))
    ledger.copies.check("nas", first.archive_id or "", now, Checked.READ_BACK, "It is damaged.")
    before = ledger.copies.at("nas")
    again = Receipt("nas", first.archive_id or "", first.archive_key or "", 10, Checked.SIZE)
    ledger.copies.commit(again, now + HOUR)
    assert ledger.copies.at("nas") == before


@pytest.mark.parametrize(("later", "seconds"), [(90.5, 90.5), (0.0, 0.0), (-3600.0, None)])
def test_how_long_the_newest_copy_took_is_known_if_no_clock_was_set_back(
    *,
    ledger: Ledger,
    archived: Callable[..., Export],
    seal: Seal,
    now: datetime,
    later: float,
    seconds: float | None,
) -> None:
    export = archived()
    seal(export)
    receipt = Receipt("nas", export.archive_id or "", "k", 10, Checked.SIZE)
    ledger.copies.commit(receipt, now + timedelta(seconds=later))
    (standing,) = ledger.standings({"chem": ["nas"]})
    assert standing.seconds == seconds


def test_how_long_a_copy_took_that_was_only_found_is_not_known(
    ledger: Ledger, now: datetime
) -> None:
    assert ledger.copies.adopt("nas", StoredArchive("k", 10, manifest("x")), now)
    (standing,) = ledger.standings({"chem": ["nas"]})
    assert (standing.copies, standing.seconds) == (1, None)


def test_the_newest_copy_is_not_looked_for_among_all_of_its_destination(
    ledger: Ledger, now: datetime
) -> None:
    ledger.copies.adopt("nas", StoredArchive("k", 10, manifest("x")), now)
    asked: list[str] = []
    connection = ledger.copies._store.connection
    connection.set_trace_callback(asked.append)
    ledger.standings({"chem": ["nas"]})
    connection.set_trace_callback(None)
    steps = [
        step[3]
        for statement in asked
        for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
        if "FROM copies" in statement
    ]
    assert any("destination=? AND series=? AND submitted_at=?" in step for step in steps)
    assert [step for step in steps if step.endswith("PRIMARY KEY (destination=?)")] == []


def test_copy_that_was_not_read_back_was_never_verified(
    ledger: Ledger, archived: Callable[..., Export], commit: Commit, now: datetime
) -> None:
    copy = commit(archived(), checked=Checked.STORE_CHECKSUM)
    assert (copy.verified_at, copy.checked) == (None, "store-checksum")
    assert ledger.copies.to_check("nas") == [(copy.archive_id, 10, now)]


def test_sealed_copy_is_none_before_it_is_committed(
    ledger: Ledger, archived: Callable[..., Export], seal: Seal
) -> None:
    export = archived()
    seal(export)
    copy = ledger.copies.get("nas", export.archive_id or "")
    assert copy is not None
    assert not copy.is_present
    assert (ledger.copies.at("nas"), ledger.copies.to_check("nas")) == ([], [])


def test_archive_that_came_anew_with_other_bytes_is_sealed_anew(
    ledger: Ledger, archived: Callable[..., Export], seal: Seal, commit: Commit
) -> None:
    commit(archived("1"))
    export = archived("2")
    before = Manifest.from_json(seal(export), where="x")
    after = Manifest.from_json(seal(export, sha256="cd" * 32), where="x")
    assert (after.sha256, after.previous) == ("cd" * 32, before.previous)


def test_committed_copy_is_never_sealed_with_other_bytes(
    archived: Callable[..., Export], seal: Seal, commit: Commit
) -> None:
    export = archived()
    commit(export)
    with pytest.raises(ConflictError, match="already, with other content"):
        seal(export, sha256="cd" * 32)


def test_export_without_an_archive_has_no_manifest(plan: Plan, seal: Seal) -> None:
    with pytest.raises(StateError, match="does not know the archive"):
        seal(plan())


def test_removal_is_noted_before_and_after(
    ledger: Ledger, archived: Callable[..., Export], commit: Commit, now: datetime
) -> None:
    copy = commit(archived())
    ledger.copies.removing("nas", copy.archive_id, now)
    ledger.copies.removing("nas", copy.archive_id, now + HOUR)
    begun = ledger.copies.get("nas", copy.archive_id)
    assert begun == replace(copy, removing_at=now)
    assert ledger.copies.stored(begun) is not None
    ledger.copies.removed("nas", copy.archive_id, now + HOUR)
    assert ledger.copies.at("nas") == [replace(begun, removed_at=now + HOUR)]
    assert ledger.copies.stored(begun) is None
    assert ledger.copies.to_check("nas") == []


def test_chain_goes_on_behind_what_was_removed(
    ledger: Ledger, archived: Callable[..., Export], commit: Commit, now: datetime
) -> None:
    copy = commit(archived("1"))
    ledger.copies.removed("nas", copy.archive_id, now)
    assert commit(archived("2")).previous == copy.manifest


def test_check_is_noted(
    ledger: Ledger, archived: Callable[..., Export], commit: Commit, now: datetime
) -> None:
    copy = commit(archived())
    later, name = now + HOUR, copy.archive_id
    ledger.copies.check("nas", name, later, Checked.READ_BACK, "It is damaged.")
    bad = ledger.copies.get("nas", name)
    assert bad == replace(copy, checked_at=later, problem="It is damaged.")
    ledger.copies.check("nas", name, later + HOUR, Checked.SIZE)
    assert ledger.copies.get("nas", name) == bad
    ledger.copies.check("nas", name, later + HOUR, Checked.READ_BACK)
    good = replace(copy, checked_at=later + HOUR, verified_at=later + HOUR)
    assert ledger.copies.get("nas", name) == good


def test_what_a_destination_lists_is_learnt_once(ledger: Ledger, now: datetime) -> None:
    stored = StoredArchive("chem/2026/a.zip", 10, manifest("a", "ef" * 32), "v2")
    assert ledger.copies.adopt("nas", stored, now)
    assert not ledger.copies.adopt("nas", stored, now + HOUR)
    copy = ledger.copies.get("nas", "a")
    assert copy is not None
    assert (copy.key, copy.previous, copy.stored_at) == ("chem/2026/a.zip", "ef" * 32, now)
    assert (copy.verified_at, copy.version_id, copy.place) == (None, "v2", 1)
    assert ledger.copies.stored(copy) == stored


def test_damaged_document_is_none(
    path: Path, ledger: Ledger, archived: Callable[..., Export], seal: Seal, commit: Commit
) -> None:
    export = archived()
    document = seal(export)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE manifests SET document = replace(document, '10', '11')")
    assert ledger.copies.document("nas", export.archive_id or "") is None
    # What was not committed can be made again, and is the same.
    assert seal(export) == document
    copy = commit(export)
    assert ledger.copies.stored(copy) is not None


def test_senseless_times_are_still_times(
    path: Path, ledger: Ledger, archived: Callable[..., Export], commit: Commit
) -> None:
    copy = commit(archived())
    for value in (-(2**63), 2**63 - 1):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE copies SET verified_at = ?", (value,))
        assert ledger.copies.get("nas", copy.archive_id) is not None


def test_rounds_are_kept_as_long_as_they_matter(ledger: Ledger, now: datetime) -> None:
    assert not ledger.copies.has_rounds("nas")
    begun = [now + n * HOUR for n in range(5)]
    rounds = [ledger.copies.begin_round("nas", when, when - 2 * HOUR) for when in begun]
    assert rounds[-1] == begun[1:]
    assert ledger.copies.has_rounds("nas")
    assert ledger.copies.begin_round("offsite", now, now - HOUR) == [now]


def test_copy_that_could_not_be_removed_and_is_kept_after_all_counts_again(
    ledger: Ledger, archived: Callable[..., Export], commit: Commit, now: datetime
) -> None:
    copy = commit(archived())
    ledger.copies.removing("nas", copy.archive_id, now)
    assert ledger.copies.at("nas")[0].removing_at is not None
    ledger.copies.spared("nas", copy.archive_id)
    assert ledger.copies.at("nas")[0].removing_at is None
    ledger.copies.removed("nas", copy.archive_id, now)
    ledger.copies.spared("nas", copy.archive_id)
    removed = ledger.copies.get("nas", copy.archive_id)
    assert removed is not None
    assert removed.removed_at is not None
    assert not removed.is_present


def test_no_secret_gets_into_what_is_known_of_copies(
    path: Path, ledger: Ledger, archived: Callable[..., Export], commit: Commit, now: datetime
) -> None:
    Secret.plain("s3cr3t-t0k3n-f0r-all")
    copy = commit(archived(series="by s3cr3t-t0k3n-f0r-all"))
    ledger.copies.check("nas", copy.archive_id, now, Checked.READ_BACK, "No: s3cr3t-t0k3n-f0r-all")
    ledger.close()
    assert b"s3cr3t" not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_ledger_of_version_1_is_migrated_with_its_copies(
    path: Path, archived: Callable[..., Export], ledger: Ledger, now: datetime
) -> None:
    exports = [archived(str(number)) for number in range(2)]
    for export in exports:
        ledger.expect(export.id, ["nas", "offsite"])
        for checked, destination in ((Checked.READ_BACK, "nas"), (Checked.SIZE, "offsite")):
            receipt = Receipt(
                *(destination, export.archive_id or "", export.archive_key or "", 10, checked)
            )
            stored = Delivery(export.id, destination, DeliveryState.STORED, receipt=receipt)
            ledger.save_delivery(stored)
    ledger.close()
    _downgrade(path)
    migrated = Ledger(path)
    assert migrated.set_aside is None
    noted = now.replace(microsecond=0)
    for destination, verified_at in (("nas", noted), ("offsite", None)):
        copies = migrated.copies.at(destination)
        assert [copy.archive_id for copy in copies] == [e.archive_id for e in exports]
        assert [copy.place for copy in copies] == [1, 2]
        for copy in copies:
            assert (copy.key, copy.size, copy.sha256) == (copy.key, 10, SHA256)
            assert (copy.stored_at, copy.verified_at) == (noted, verified_at)
            assert (copy.submitted_at, copy.manifest) == (noted, None)
    learnt = StoredArchive("k", 10, manifest(exports[0].archive_id or ""))
    assert migrated.copies.adopt("nas", learnt, now)
    assert migrated.copies.at("nas")[0].manifest == digest(learnt.manifest.to_json())
    assert [delivery.state for delivery in migrated.deliveries(exports[0].id)] == ["stored"] * 2
    migrated.close()


def _downgrade(path: Path) -> None:
    """Make the file what the first version would have made it."""
    old = path.with_name("old.db")
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(
            f"{MIGRATIONS[0]} PRAGMA application_id = {0x6C660001}; PRAGMA user_version = 1;"
        )
        connection.execute("ATTACH ? AS new", (str(path),))
        for table in ("runs", "exports", "deliveries"):
            connection.execute(f"INSERT INTO {table} SELECT * FROM new.{table}")  # noqa: S608 - ours
        connection.commit()
    old.replace(path)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
