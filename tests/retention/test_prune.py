"""`labferry prune`, against folders."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from tests.retention.conftest import RetentionLab

LAST_TWO = {"keep_last": 2}


def test_it_removes_what_no_rule_keeps_and_says_why_the_rest_stays(lab: RetentionLab) -> None:
    lab.configure(nas={"type": "local", "retention": {"keep_last": 1, "keep_daily": 2}})
    first, second, third = lab.store_nights(3)

    done = lab.run("prune", "-v")

    assert done.code == 0, done.err
    assert lab.held() == [second, third]
    assert done.out.splitlines() == [
        "nas: lab: user (xml)",
        f"  kept          {third}  last, daily",
        f"  kept          {second}  daily",
        f"  removed       {first}",
        "nas: 2 kept, 1 removed.",
    ]
    assert "This machine's ledger knows nothing of lab: user (xml)" in done.err


def test_a_dry_run_tells_the_same_and_removes_nothing(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO)
    ids = lab.store_nights(3)

    done = lab.run("prune", "--dry-run")

    assert done.code == 0
    assert lab.held() == ids
    assert f"  would remove  {ids[0]}" in done.out.splitlines()
    assert done.out.splitlines()[-1] == "nas: 2 kept, 1 would be removed."


def test_it_is_quiet_in_a_cron_job_where_all_is_well(lab: RetentionLab) -> None:
    lab.configure(nas={"keep_last": 9})
    lab.store_nights(3)

    done = lab.run("prune")

    assert (done.code, done.out, done.err) == (0, "", "")


def test_the_json_document_tells_every_decision(lab: RetentionLab) -> None:
    lab.configure(nas={"keep_last": 1})
    first, second = lab.store_nights(2)

    document = lab.run("prune", "--json").document

    (nas,) = document["destinations"]
    newest, oldest = nas["archives"]
    assert newest == {
        "archive_id": second,
        "key": f"lab/2025/{second}.zip",
        "size": 5,
        "submitted": "2025-03-02T02:30:00+00:00",
        "source": "lab",
        "series": "user",
        "format": "xml",
        "keep": True,
        "reasons": ["last"],
        "removed": False,
    }
    assert (oldest["archive_id"], oldest["keep"], oldest["removed"]) == (first, False, True)
    assert (nas["destination"], nas["strays"], document["dry_run"]) == ("nas", [], False)


def test_pruning_twice_removes_nothing_more(lab: RetentionLab) -> None:
    lab.configure(nas={"keep_last": 2, "keep_monthly": 3})
    lab.store_nights(70)

    assert lab.run("prune").code == 0
    held = lab.held()
    assert lab.run("prune").code == 0

    assert lab.held() == held
    assert len(held) == 4


def test_only_the_named_destination_and_source_are_pruned(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO, usb=LAST_TWO)
    moments = [datetime(2025, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    here = lab.store(*moments, at="nas")
    other = lab.store(*moments, at="nas", source="other")
    there = lab.store(*moments, at="usb")

    assert lab.run("prune", "nas", "--source", "lab").code == 0

    assert lab.held("nas") == sorted([*here[1:], *other])
    assert lab.held("usb") == there


def test_a_source_without_archives_is_told(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO)
    lab.store(datetime(2025, 1, 1, tzinfo=UTC), source="other")

    done = lab.run("prune", "--source", "lab")

    assert done.code == 0
    assert "nas: There is no archive of lab." in done.err
    assert len(lab.held()) == 1


def test_a_source_that_is_stored_and_not_configured_any_more_is_pruned(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO)
    moments = [datetime(2025, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    ids = lab.store(*moments, source="other")

    assert lab.run("prune", "--source", "other").code == 0

    assert lab.held() == ids[1:]


def test_what_others_keep_there_is_not_touched(lab: RetentionLab) -> None:
    lab.configure(nas={"keep_last": 1})
    first, second = lab.store_nights(2)
    folder = lab.folder / "nas/lab/2025"
    foreign = [folder / name for name in ("notes.txt", "old.zip", f"{first}.zip.sig")]
    for file in foreign:
        file.write_text("mine")

    assert lab.run("prune", "--strays", "--stray-age", "0s").code == 0

    assert all(file.read_text() == "mine" for file in foreign)
    assert not (folder / f"{first}.zip").exists()
    assert (folder / f"{second}.zip").exists()


def test_what_the_storage_holds_stays_with_the_reason(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO)
    ids = lab.store_nights(4)
    lab.tell("held", ids[1], ids[3])

    done = lab.run("prune", "-v")

    assert done.code == 0
    assert lab.held() == ids[1:]
    assert f"  kept          {ids[1]}  locked until 2030" in done.out
    assert f"  kept          {ids[3]}  last" in done.out


def test_what_the_storage_turns_out_to_protect_is_kept_and_no_failure(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO)
    ids = lab.store_nights(4)
    lab.tell("protected", ids[1])

    for _ in range(2):
        done = lab.run("prune", "-v")
        assert done.code == 0
        assert lab.held() == ids[1:]
        assert f"  kept          {ids[1]}  The vault protects it." in done.out
        assert "nas: 3 kept, " in done.out
    document = json.loads(lab.run("prune", "--json").out)
    (nas,) = document["destinations"]
    assert [each["removed"] for each in nas["archives"]] == [False, False, False]

    lab.tell("protected")
    assert lab.run("prune").code == 0
    assert lab.held() == ids[2:]


def test_what_the_storage_refuses_to_delete_is_told_and_the_rest_goes_on(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO, usb=LAST_TWO)
    ids = lab.store_nights(5, at="nas")
    there = lab.store_nights(4, at="usb")
    lab.tell("refused", ids[1])

    done = lab.run("prune", "-v")

    assert done.code == 3
    assert lab.held("nas") == [ids[1], *ids[3:]]
    assert lab.held("usb") == there[2:]
    assert f"nas: lab/2025/{ids[1]}.zip can't be removed: The vault says no." in done.err
    assert f"  kept          {ids[1]}" in done.out
    assert "nas: 3 kept, 2 removed." in done.out

    lab.tell("refused")
    assert lab.run("prune").code == 0
    assert lab.held("nas") == ids[3:]


def test_a_destination_that_can_not_be_reached_leaves_the_others_alone(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO, usb=LAST_TWO)
    (lab.folder / "nas").rmdir()
    there = lab.store_nights(3, at="usb")

    done = lab.run("prune", "--json")

    assert done.code == 3
    assert lab.held("usb") == there[1:]
    (problem,) = done.document["problems"]
    assert problem["message"].startswith("nas: There is no folder")
    assert lab.run("prune", "nas").code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], ["no destination 'nowhere'", "Known destinations: nas, attic, grave"]),
        (["attic"], ["no retention for attic", "retention = {"]),
        (["grave"], ["grave can't have a retention", "[destinations.grave]"]),
        ([], ["grave can't have a retention"]),
        (
            ["nas", "--source", "lap"],
            ["no source 'lap'", 'Did you mean "lab"? Known sources: lab.'],
        ),
        (["nas", "--stray-age", "soon"], ["'soon' is no duration", "26h"]),
    ],
)
def test_mistakes_are_told_before_anything_is_removed(
    lab: RetentionLab, arguments: list[str], words: list[str]
) -> None:
    lab.configure(
        nas=LAST_TWO, attic={"type": "local"}, grave={"type": "tomb", "retention": LAST_TWO}
    )
    ids = lab.store_nights(4)

    done = lab.run("prune", *arguments)

    assert done.code == 2
    for word in words:
        assert word in done.err
    assert lab.held() == ids


def test_it_never_runs_beside_a_sync(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO)
    ids = lab.store_nights(4)
    (lab.folder / "state").mkdir()

    with FileLock(lab.folder / "state/lock"):
        assert lab.run("prune").code == 11

    assert lab.held() == ids


def test_killed_in_the_middle_the_next_one_carries_on(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO)
    ids = lab.store_nights(5)
    lab.tell("deadly", ids[1])

    assert lab.run_apart("prune").code == -9
    torn = lab.folder / f"nas/lab/2025/{ids[1]}.zip"
    assert torn.exists()
    assert not torn.with_name(f"{ids[1]}.zip.manifest.json").exists()

    lab.tell("deadly")
    done = lab.run("prune", "-v")

    assert done.code == 0, done.err
    assert lab.held() == ids[3:]
    assert f"continuing to remove lab/2025/{ids[1]}.zip" in done.err
    assert lab.run("prune", "-v").err == ""


def test_killed_before_anything_was_removed_more_may_be_kept_then(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO)
    ids = lab.store_nights(4)
    lab.tell("refused", *ids)
    assert lab.run("prune").code == 3
    lab.tell("refused")
    lab.configure(nas={"keep_last": 9})

    assert lab.run("prune").code == 0

    assert lab.held() == ids


def test_an_archive_of_the_future_does_not_cost_the_newest_real_one(lab: RetentionLab) -> None:
    lab.configure(nas={"keep_last": 1})
    now = datetime.now(UTC).replace(microsecond=0)
    ids = lab.store(now - timedelta(days=2), now - timedelta(days=1), now + timedelta(days=4000))

    done = lab.run("prune", "-v")

    assert lab.held() == ids[1:]
    assert f"  kept          {ids[1]}  last" in done.out
    assert f"  kept          {ids[2]}  from the future: a clock is or was wrong" in done.out


def test_a_damaged_newest_one_does_not_cost_the_last_good_one(lab: RetentionLab) -> None:
    lab.configure(nas={"keep_last": 1})
    ids = lab.store_nights(3)
    (lab.folder / f"nas/lab/2025/{ids[2]}.zip").write_bytes(b"wrong")
    # What `verify` finds is noted where there is a ledger.
    assert lab.run("prune", "--dry-run").code == 0
    assert lab.run("verify").code == 4

    done = lab.run("prune", "-v")

    assert done.code == 0
    assert lab.held() == ids[1:]
    assert f"  kept          {ids[1]}  the last good one" in done.out


def test_a_newest_one_of_another_size_than_its_manifest_has_is_no_good_one(
    lab: RetentionLab,
) -> None:
    lab.configure(nas={"keep_last": 1})
    ids = lab.store_nights(3)
    (lab.folder / f"nas/lab/2025/{ids[2]}.zip").write_bytes(b"half")

    assert lab.run("prune").code == 0

    assert lab.held() == ids[1:]


def test_strays_are_told_and_only_old_unfinished_ones_are_removed(lab: RetentionLab) -> None:
    lab.configure(nas={"type": "local"})
    folder = lab.folder / "nas"
    old, new = (
        folder / ".0123456789abcdef.labferry-part",
        folder / ".fedcba9876543210.labferry-part",
    )
    lost = folder / "20250101T000000Z-lab-1.zip"
    for file in (old, new, lost):
        file.write_text("half")
    long_ago = time.time() - 90_000
    os.utime(old, (long_ago, long_ago))
    os.utime(lost, (long_ago, long_ago))

    done = lab.run("prune", "--strays", "--dry-run")
    assert done.code == 0
    assert f"would remove  {old.name}  unfinished" in done.out
    assert f"left          {new.name}  unfinished" in done.out
    assert f"left          {lost.name}  archive without manifest" in done.out
    assert old.exists()

    done = lab.run("prune", "--strays", "--json")
    assert {s["key"]: s["removed"] for s in done.document["destinations"][0]["strays"]} == {
        old.name: True,
        new.name: False,
        lost.name: False,
    }
    assert sorted(path.name for path in folder.iterdir()) == sorted([new.name, lost.name])
    assert lab.run("prune", "--strays", "--stray-age", "0s").code == 0
    assert [path.name for path in folder.iterdir()] == [lost.name]


def test_without_strays_they_are_told_only(lab: RetentionLab) -> None:
    lab.configure(nas={"type": "local", "retention": LAST_TWO})
    stray = lab.folder / "nas/.0123456789abcdef.labferry-part"
    stray.write_text("half")
    os.utime(stray, (0, 0))

    done = lab.run("prune", "-v")

    assert done.code == 0
    assert f"left          {stray.name}  unfinished  since 1970-01-01 00:00 UTC" in done.out
    assert "--strays removes those that are unfinished and older than 1d." in done.out
    assert stray.exists()


def test_nothing_that_is_removed_stays_in_the_ledger_as_being_there(lab: RetentionLab) -> None:
    lab.configure(nas={"keep_last": 1})
    lab.store_nights(2)
    assert lab.run("prune").code == 0
    status = lab.run("list", "--json")
    assert len(json.loads(status.out)["archives"]) == 1


def test_archive_that_stays_after_all_is_missed_if_it_goes(lab: RetentionLab) -> None:
    lab.configure(nas={"keep_last": 1})
    ids = lab.store_nights(3)
    lab.tell("refused", ids[0])
    assert lab.run("prune").code == 3
    lab.configure(nas={"keep_last": 10})
    assert lab.run("prune").code == 0
    assert ids[0] in lab.held()
    assert lab.run("verify", "--chain").code == 0
    for path in (lab.folder / "nas").rglob(f"{ids[0]}*"):
        path.unlink()

    done = lab.run("verify", "--chain")

    assert done.code == 4
    assert ids[0] in done.err
