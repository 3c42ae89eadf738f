"""Retention after each sync, and what a sync that failed keeps from being removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyrage

from labferry.testing.rspace import Fault, JobEnds, Outcome

if TYPE_CHECKING:
    from tests.retention.conftest import RetentionLab

LAST_TWO = {"keep_last": 2}


def test_a_clean_sync_removes_what_it_made_superfluous(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO, usb={"type": "local"})
    ids = lab.store_nights(3, at="nas")
    lab.store_nights(3, at="usb")

    done = lab.run("sync", "-v")

    assert done.code == 0, done.err
    assert f"nas: removed lab/2025/{ids[0]}.zip, as its retention says" in done.err
    held = lab.held("nas")
    assert len(held) == 2
    assert held[0] == ids[2]
    assert len(lab.held("usb")) == 4


def test_a_destination_without_retention_keeps_none_of_the_others_from_it(
    lab: RetentionLab,
) -> None:
    lab.configure(attic={"type": "local"}, nas={"keep_last": 1})
    lab.store_nights(2, at="attic")
    lab.store_nights(2, at="nas")

    assert lab.run("sync").code == 0

    assert (len(lab.held("attic")), len(lab.held("nas"))) == (3, 1)


def test_only_what_this_sync_stored_is_judged(lab: RetentionLab) -> None:
    lab.configure(nas={"keep_last": 1})
    moments = [datetime(2025, 1, day, tzinfo=UTC) for day in (1, 2)]
    others = lab.store(*moments, source="other")
    lab.store(*moments)

    assert lab.run("sync").code == 0

    held = lab.held()
    assert held[:2] == others
    assert len(held) == 3


def test_a_failed_sync_keeps_everything(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO)
    ids = lab.store_nights(3)
    assert lab.run("sync").code == 0
    more = lab.store(*(datetime(2025, 5, day, tzinfo=UTC) for day in (1, 2)))
    assert lab.run("verify", "--chain", "--adopt").code == 0
    held = lab.held()
    lab.server.faults.add(Fault("job", JobEnds(Outcome.FAILED)))

    assert lab.run("sync").code == 1
    done = lab.run("prune", "-v")

    assert done.code == 0
    assert lab.held() == held
    assert {ids[2], *more} <= {*held}
    assert "its newest sync failed" in done.out

    assert lab.run("sync").code == 0
    assert len(lab.held()) == 2


def test_a_failed_delivery_keeps_everything_there(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO, usb=LAST_TWO)
    assert lab.run("sync").code == 0
    ids = lab.store_nights(3, at="nas")
    there = lab.store_nights(3, at="usb")
    assert lab.run("verify", "--chain", "--adopt").code == 0
    (lab.folder / "usb").rename(lab.folder / "away")

    assert lab.run("sync").code in {1, 3}
    (lab.folder / "away").rename(lab.folder / "usb")
    done = lab.run("prune", "usb", "-v")

    assert done.code == 0
    assert {*there} <= {*lab.held("usb")}
    assert "its newest sync failed here" in done.out
    assert not {*ids} & {*lab.held("nas")}

    assert lab.run("sync").code == 0
    assert not {*there} & {*lab.held("usb")}


def test_what_can_not_be_removed_is_told_and_the_delivery_counts(lab: RetentionLab) -> None:
    lab.configure(nas=LAST_TWO)
    ids = lab.store_nights(3)
    lab.tell("refused", ids[0])

    done = lab.run("sync", "--json")

    assert done.code == 3
    assert done.document["exports"][0]["outcome"] == "stored"
    (problem,) = done.document["problems"]
    assert problem["message"] == (
        f"nas: lab/2025/{ids[0]}.zip can't be removed: The vault says no."
    )
    assert len(lab.held()) == 3
    lab.tell("refused")
    assert lab.run("sync").code == 0
    assert len(lab.held()) == 2


def test_where_a_destination_is_not_required_that_is_a_warning(lab: RetentionLab) -> None:
    lab.configure(
        nas={"type": "local"}, grave={"type": "tomb", "retention": LAST_TWO, "required": False}
    )

    done = lab.run("sync")

    assert done.code == 0
    assert "warning: grave: retention: grave can't have a retention" in done.err


def test_a_destination_that_can_not_delete_is_told_after_each_sync(lab: RetentionLab) -> None:
    lab.configure(grave={"type": "tomb", "retention": LAST_TWO})

    done = lab.run("sync")

    assert done.code == 3
    assert "grave can't have a retention" in done.err
    assert len(lab.held("grave")) == 1


def test_a_clock_that_was_ahead_does_not_cost_what_was_just_stored(lab: RetentionLab) -> None:
    lab.configure(nas={"keep_last": 1})
    future = datetime.now(UTC).replace(microsecond=0) + timedelta(days=4000)
    ahead = lab.store(future, future + timedelta(days=1))

    assert lab.run("sync").code == 0

    held = lab.held()
    assert len(held) == 3
    assert held[1:] == ahead


def test_killed_while_removing_the_next_sync_carries_on(lab: RetentionLab) -> None:
    lab.configure(nas={"keep_last": 1})
    ids = lab.store_nights(2)
    lab.tell("deadly", ids[0])
    assert lab.run_apart("sync").code == -9
    assert (lab.folder / f"nas/lab/2025/{ids[0]}.zip").exists()

    lab.tell("deadly")
    assert lab.run("sync").code == 0

    assert len(lab.held()) == 1


def test_where_manifests_hide_what_was_exported_a_failed_sync_keeps_everything_too(
    lab: RetentionLab,
) -> None:
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    keys = {"type": "local", "encrypt": {"recipients": [recipient]}}
    lab.configure(nas=keys)
    for _ in range(3):
        assert lab.run("sync").code == 0
    # Only the ledger could tell that they are of the series which fails now.
    (lab.folder / "state/ledger.db").unlink()
    lab.server.faults.add(Fault("job", JobEnds(Outcome.FAILED)))
    assert lab.run("sync").code == 1
    lab.configure(nas={**keys, "retention": {"keep_last": 1}})

    done = lab.run("prune", "-v")

    assert done.code == 0
    assert done.out.count("its newest sync failed") == 2
    assert "nas: 3 kept, 0 removed." in done.out
