"""What the ledger knows of a destination, as retention goes by it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from tests.ledger.conftest import Notebook
from tests.retention.conftest import Stored

from labferry.ledger import Copy, Export, Ledger
from labferry.lifecycle import ExportJob, Phase
from labferry.retention import Condition, Series, last_good, moment_of, series_of
from labferry.sdk import (
    Checked,
    ExportRequest,
    ManifestEncryption,
    Offer,
    SourceSettings,
    StoredArchive,
)
from labferry.sync.retention_state import RetentionState

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
UNFINISHED = "its newest sync is not finished"
OFFER = Offer("https://eln/1.zip", 10, 1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        yield ledger


def plan(ledger: Ledger, job: ExportJob, source: str = "lab", series: str = "user") -> Export:
    """Note an export."""
    notebook = Notebook(source, SourceSettings(type="notebook"))
    request = ExportRequest(series, series.title(), {})
    export = ledger.plan(ledger.begin_run(NOW), notebook, "alice@eln", request)
    export = replace(export, job=job)
    ledger.save(export)
    return export


def hidden(stored: StoredArchive) -> StoredArchive:
    """An archive whose manifest says nothing of what was exported."""
    encryption = ManifestEncryption(format="age", recipients=("age1x",), sealed="sealed")
    source = stored.manifest.source.model_copy(update={"series": "hidden"})
    changes = {"encryption": encryption, "source": source}
    return replace(stored, manifest=stored.manifest.model_copy(update=changes))


def known(ledger: Ledger, stored: StoredArchive) -> Copy:
    """What the ledger has of a copy."""
    copy = ledger.copies.get("nas", stored.manifest.archive_id)
    assert copy is not None
    return copy


def obstacles(ledger: Ledger, *archives: StoredArchive) -> set[str]:
    """Why nothing of the archives' series may be removed."""
    state = RetentionState(ledger, "nas")
    return {*state.obstacles(state.exports(archives)).values()}


def test_series_and_moment_are_those_of_the_manifest(stored: Stored) -> None:
    east = timezone(timedelta(hours=9))
    archive = stored(NOW.astimezone(east), export_format="")
    assert series_of(archive) == Series("lab", "user", "")
    assert moment_of(archive).isoformat() == "2026-03-01T02:00:00+00:00"
    assert moment_of(archive).tzinfo is UTC


def test_only_what_was_there_at_the_first_look_is_known(ledger: Ledger, stored: Stored) -> None:
    first, second = stored(NOW, job=1), stored(NOW, job=2)
    edited = replace(first, manifest=first.manifest.model_copy(update={"sha256": "0" * 64}))
    state = RetentionState(ledger, "nas")
    assert state.knows(first)
    assert state.knows(second)
    state.learn([first], NOW)
    for each in (state, RetentionState(ledger, "nas")):
        assert each.knows(first)
        assert not each.knows(edited)
        assert not each.knows(stored(NOW, job=3))


def test_condition_is_that_of_the_last_look(ledger: Ledger, stored: Stored) -> None:
    archive = stored(NOW)
    other = replace(archive, manifest=archive.manifest.model_copy(update={"sha256": "0" * 64}))

    def condition(each: StoredArchive = archive) -> Condition:
        return RetentionState(ledger, "nas").condition(each)

    assert condition() is Condition.UNKNOWN
    ledger.copies.adopt("nas", archive, NOW)
    assert condition() is Condition.UNKNOWN
    ledger.copies.check("nas", archive.manifest.archive_id, NOW, Checked.READ_BACK)
    assert condition() is Condition.READ_BACK
    assert condition(other) is Condition.UNKNOWN
    assert condition(replace(archive, size=1)) is Condition.DAMAGED
    ledger.copies.check("nas", archive.manifest.archive_id, NOW, Checked.READ_BACK, "Damaged.")
    assert condition() is Condition.DAMAGED


def test_good_ones_are_needed_up_to_this_very_moment(stored: Stored) -> None:
    read, unread, future = stored(NOW - DAY), stored(NOW), stored(NOW + DAY)
    conditions = {read.key: Condition.READ_BACK}

    needed = last_good(
        [read, unread, future], lambda each: conditions.get(each.key, Condition.UNKNOWN), NOW
    )

    assert needed == {
        read.key: "the last one that was read back",
        unread.key: "the last good one",
        future.key: "the last good one",
    }


def test_removal_is_noted_before_and_after(ledger: Ledger, stored: Stored) -> None:
    archive = stored(NOW)
    state = RetentionState(ledger, "nas")
    state.removing(archive, NOW)
    copy = known(ledger, archive)
    assert (copy.stored_at, copy.removing_at, copy.removed_at) == (NOW, NOW, None)
    state.removed(archive, NOW + DAY)
    copy = known(ledger, archive)
    assert (copy.removing_at, copy.removed_at) == (NOW, NOW + DAY)


def test_only_what_was_to_be_removed_can_be_spared(ledger: Ledger, stored: Stored) -> None:
    archive = stored(NOW)
    RetentionState(ledger, "nas").spared(archive)  # the ledger does not know it
    RetentionState(ledger, "nas").removing(archive, NOW)
    RetentionState(ledger, "nas").spared(archive)
    assert known(ledger, archive).removing_at is None


def test_what_was_begun_to_be_removed_is_found_again(ledger: Ledger, stored: Stored) -> None:
    begun, over, present = (stored(NOW, job=job) for job in (1, 2, 3))
    RetentionState(ledger, "nas").learn([begun, over, present], NOW)
    state = RetentionState(ledger, "nas")
    state.removing(begun, NOW)
    state.removing(over, NOW)
    state.removed(over, NOW)
    again = RetentionState(ledger, "nas")
    assert [*again.half_removed([])] == [begun]
    assert [*again.half_removed([begun.key])] == []


def test_what_an_unfinished_export_goes_on_with_is_awaited(ledger: Ledger) -> None:
    plan(ledger, ExportJob(Phase.PLANNED))
    begun = plan(ledger, ExportJob(Phase.COMPLETED, NOW, "1", offer=OFFER))
    over = plan(ledger, ExportJob(Phase.DONE, NOW, "2", offer=OFFER))
    state = RetentionState(ledger, "nas")
    assert state.is_awaited(f"lab/2026/{begun.archive_id}.zip.part")
    assert not state.is_awaited(f"lab/2026/{over.archive_id}.zip.part")


def test_an_older_export_that_is_not_finished_is_an_obstacle(
    ledger: Ledger, stored: Stored
) -> None:
    plan(ledger, ExportJob(Phase.RUNNING))
    plan(ledger, ExportJob(Phase.UNCHANGED))
    assert obstacles(ledger, stored(NOW)) == {UNFINISHED}


def test_exports_of_others_are_no_obstacle(ledger: Ledger, stored: Stored) -> None:
    plan(ledger, ExportJob(Phase.RUNNING), source="other")
    plan(ledger, ExportJob(Phase.RUNNING), series="group 23")
    assert obstacles(ledger, stored(NOW)) == set()
    plan(ledger, ExportJob(Phase.UNCHANGED))
    assert obstacles(ledger, stored(NOW)) == set()


def test_series_that_a_manifest_hides_is_the_one_that_the_ledger_knows(
    ledger: Ledger, stored: Stored
) -> None:
    archive = stored(NOW)
    ledger.copies.adopt("nas", archive, NOW)
    plan(ledger, ExportJob(Phase.UNCHANGED))
    plan(ledger, ExportJob(Phase.RUNNING), series="group 23")
    assert obstacles(ledger, hidden(archive)) == set()
    plan(ledger, ExportJob(Phase.RUNNING))
    assert obstacles(ledger, hidden(archive)) == {UNFINISHED}


def test_series_that_nobody_knows_may_be_any_of_its_source(ledger: Ledger, stored: Stored) -> None:
    plan(ledger, ExportJob(Phase.RUNNING), series="group 23")
    assert obstacles(ledger, hidden(stored(NOW))) == {UNFINISHED}
