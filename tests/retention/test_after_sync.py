"""Retention after each sync, and what a sync that failed keeps from being removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyrage

from labferry.testing.rspace import Fault, JobEnds, Outcome

if TYPE_CHECKING:
    from tests.retention.conftest import Place

LAST_TWO = {"keep_last": 2}


def test_a_clean_sync_removes_what_it_made_superfluous(place: Place) -> None:
    place.configure(nas=LAST_TWO, usb={"type": "local"})
    ids = place.store_nights(3, at="nas")
    place.store_nights(3, at="usb")

    done = place.run("sync", "-v")

    assert done.code == 0, done.err
    assert f"nas: removed lab/2025/{ids[0]}.zip, as its retention says" in done.err
    held = place.held("nas")
    assert len(held) == 2
    assert held[0] == ids[2]
    assert len(place.held("usb")) == 4


def test_only_what_this_sync_stored_is_judged(place: Place) -> None:
    place.configure(nas={"keep_last": 1})
    moments = [datetime(2025, 1, day, tzinfo=UTC) for day in (1, 2)]
    others = place.store(*moments, source="other")
    place.store(*moments)

    assert place.run("sync").code == 0

    held = place.held()
    assert held[:2] == others
    assert len(held) == 3


def test_a_failed_sync_keeps_everything(place: Place) -> None:
    place.configure(nas=LAST_TWO)
    ids = place.store_nights(3)
    assert place.run("sync").code == 0
    more = place.store(*(datetime(2025, 5, day, tzinfo=UTC) for day in (1, 2)))
    assert place.run("verify", "--chain", "--adopt").code == 0
    held = place.held()
    place.server.faults.add(Fault("job", JobEnds(Outcome.FAILED)))

    assert place.run("sync").code == 1
    done = place.run("prune", "-v")

    assert done.code == 0
    assert place.held() == held
    assert {ids[2], *more} <= {*held}
    assert "its newest sync failed" in done.out

    assert place.run("sync").code == 0
    assert len(place.held()) == 2


def test_a_failed_delivery_keeps_everything_there(place: Place) -> None:
    place.configure(nas=LAST_TWO, usb=LAST_TWO)
    assert place.run("sync").code == 0
    ids = place.store_nights(3, at="nas")
    there = place.store_nights(3, at="usb")
    assert place.run("verify", "--chain", "--adopt").code == 0
    (place.folder / "usb").rename(place.folder / "away")

    assert place.run("sync").code in {1, 3}
    (place.folder / "away").rename(place.folder / "usb")
    done = place.run("prune", "usb", "-v")

    assert done.code == 0
    assert {*there} <= {*place.held("usb")}
    assert "its newest sync failed here" in done.out
    assert not {*ids} & {*place.held("nas")}

    assert place.run("sync").code == 0
    assert not {*there} & {*place.held("usb")}


def test_what_can_not_be_removed_is_told_and_the_delivery_counts(place: Place) -> None:
    place.configure(nas=LAST_TWO)
    ids = place.store_nights(3)
    place.tell("refused", ids[0])

    done = place.run("sync", "--json")

    assert done.code == 3
    assert done.document["exports"][0]["outcome"] == "stored"
    (problem,) = done.document["problems"]
    assert problem["message"] == (
        f"nas: lab/2025/{ids[0]}.zip can't be removed: The vault says no."
    )
    assert len(place.held()) == 3
    place.tell("refused")
    assert place.run("sync").code == 0
    assert len(place.held()) == 2


def test_where_a_destination_is_not_required_that_is_a_warning(place: Place) -> None:
    place.configure(
        nas={"type": "local"}, grave={"type": "tomb", "retention": LAST_TWO, "required": False}
    )

    done = place.run("sync")

    assert done.code == 0
    assert "warning: grave: retention: grave can't have a retention" in done.err


def test_a_destination_that_can_not_delete_is_told_after_each_sync(place: Place) -> None:
    place.configure(grave={"type": "tomb", "retention": LAST_TWO})

    done = place.run("sync")

    assert done.code == 3
    assert "grave can't have a retention" in done.err
    assert len(place.held("grave")) == 1


def test_a_clock_that_was_ahead_does_not_cost_what_was_just_stored(place: Place) -> None:
    place.configure(nas={"keep_last": 1})
    future = datetime.now(UTC).replace(microsecond=0) + timedelta(days=4000)
    ahead = place.store(future, future + timedelta(days=1))

    assert place.run("sync").code == 0

    held = place.held()
    assert len(held) == 3
    assert held[1:] == ahead


def test_killed_while_removing_the_next_sync_carries_on(place: Place) -> None:
    place.configure(nas={"keep_last": 1})
    ids = place.store_nights(2)
    place.tell("deadly", ids[0])
    assert place.run("sync").code == -9
    assert (place.folder / f"nas/lab/2025/{ids[0]}.zip").exists()

    place.tell("deadly")
    assert place.run("sync").code == 0

    assert len(place.held()) == 1


def test_where_manifests_hide_what_was_exported_a_failed_sync_keeps_everything_too(
    place: Place,
) -> None:
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    keys = {"type": "local", "encrypt": {"recipients": [recipient]}}
    place.configure(nas=keys)
    for _ in range(3):
        assert place.run("sync").code == 0
    # Only the ledger could tell that they are of the series which fails now.
    (place.folder / "state/ledger.db").unlink()
    place.server.faults.add(Fault("job", JobEnds(Outcome.FAILED)))
    assert place.run("sync").code == 1
    place.configure(nas={**keys, "retention": {"keep_last": 1}})

    done = place.run("prune", "-v")

    assert done.code == 0
    assert done.out.count("its newest sync failed") == 2
    assert "nas: 3 kept, 0 removed." in done.out
