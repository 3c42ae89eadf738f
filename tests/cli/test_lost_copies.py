"""Copies that are gone, disks that take turns, a NAS that was wiped: noticed, said, filled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.speed import first_quick

from labferry.sdk import MARKER_KEY
from labferry.testing.rspace import Options

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Source
    from tests.lab import Lab

REAL = Path(__file__).parent.parent / "data" / "rspace-exports" / "RSPAC-1917-1-61chemtest.zip"


def _sync(lab: Lab) -> tuple[int, list[str]]:
    done = lab.run("sync", "--json")
    return done.code, [export["outcome"] for export in done.document["exports"]]


def _copies(lab: Lab) -> int:
    row: dict[str, int] = lab.run("status", "--json").document["standings"][0]
    return row["copies"]


def _skipping(serve: Serve, lab: Lab, source: Source, how: str) -> None:
    lab.write({"lab": source(serve(Options(archives=[REAL])), **{how: True})})
    assert _sync(lab) == (0, ["stored"])


@pytest.mark.parametrize(
    ("what", "how"),
    first_quick(
        [
            ("missing", "skip_idle"),
            ("manifest", "skip_unchanged"),
            ("emptied", "skip_unchanged"),
            ("bad", "skip_idle"),
        ]
    ),
)
def test_lost_copy_is_replaced(serve: Serve, lab: Lab, source: Source, what: str, how: str) -> None:
    _skipping(serve, lab, source, how)
    (archive,) = lab.archives()
    if what == "missing":
        archive.unlink()
    elif what == "manifest":
        archive.with_name(f"{archive.name}.manifest.json").unlink()
    elif what == "emptied":
        archive.write_bytes(b"")
    else:
        archive.write_bytes(bytes(archive.stat().st_size))
        assert lab.run("verify").code == 4
    code, outcomes = _sync(lab)
    # What `verify` said already is not said again.
    assert (code, outcomes) == (0 if what == "bad" else 4, ["stored"])
    assert _sync(lab) == (0, ["unchanged"])


def test_destination_that_cannot_be_asked_is_named(serve: Serve, lab: Lab, source: Source) -> None:
    _skipping(serve, lab, source, "skip_unchanged")
    lab.destination().rename(lab.folder / "elsewhere")
    done = lab.run("sync")
    assert done.code == 1
    assert "nas: It is not known whether the newest archives are still there" in done.err
    (lab.folder / "elsewhere").rename(lab.destination())
    assert _sync(lab) == (0, ["unchanged"])


def test_wiped_destination_is_noticed_said_and_filled(
    serve: Serve, lab: Lab, source: Source
) -> None:
    lab.write({"lab": source(serve())})
    assert _sync(lab) == _sync(lab) == (0, ["stored"])
    assert _copies(lab) == 2
    for path in lab.destination().iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = lab.run("sync")
    assert done.code == 3
    assert "nas: This is not the place that labferry stored to before" in done.err
    assert "it has no marker, and archives that were stored are missing: 2" in done.err
    assert len(lab.archives()) == _copies(lab) == 1
    assert (lab.destination() / MARKER_KEY).exists()
    assert _sync(lab) == (0, ["stored"]), "it is said once"
    assert lab.run("verify").code == 4, "what was there is gone all the same"


def test_disks_that_take_turns_are_both_filled(serve: Serve, lab: Lab, source: Source) -> None:
    _skipping(serve, lab, source, "skip_unchanged")
    first = lab.destination()
    second, away = lab.folder / "second", lab.folder / "away"
    second.mkdir()
    first.rename(away)
    second.rename(first)
    assert _sync(lab) == (3, ["stored"])
    assert _copies(lab) == 1
    assert _sync(lab) == (0, ["unchanged"])
    first.rename(second)
    away.rename(first)
    done = lab.run("sync")
    assert done.code == 0
    assert "another disk than at the last run is here, as before" in done.err
    assert len(lab.archives()) == _copies(lab) == 2
    assert _sync(lab) == (0, ["unchanged"])
    assert lab.run("verify").code == 0


def test_marker_is_no_stray(serve: Serve, lab: Lab, source: Source) -> None:
    lab.write({"lab": source(serve())})
    assert _sync(lab) == (0, ["stored"])
    marker = lab.destination() / MARKER_KEY
    content = marker.read_bytes()
    assert json.loads(content)["labferry_destination"] == 1
    assert lab.run("list", "--all", "--json").document["strays"] == []
    assert lab.run("prune", "--strays", "--stray-age", "0s").code == 0
    assert marker.read_bytes() == content


@pytest.mark.parametrize("becomes", first_quick(["gone", "another", "garbage"]))
def test_marker_alone_decides_nothing(serve: Serve, lab: Lab, source: Source, becomes: str) -> None:
    lab.write({"lab": source(serve())})
    assert _sync(lab) == (0, ["stored"])
    marker = lab.destination() / MARKER_KEY
    if becomes == "gone":
        marker.unlink()
    else:
        marker.write_bytes(b'{"labferry_destination": 1}' if becomes == "another" else b"\0" * 99)
    assert _sync(lab) == _sync(lab) == (0, ["stored"])
    assert _copies(lab) == 3
    assert marker.exists()


def test_two_installations_share_a_destination(serve: Serve, lab: Lab, source: Source) -> None:
    server = serve()
    lab.write({"lab": source(server)})
    assert _sync(lab) == (0, ["stored"])
    own = lab.state.rename(lab.folder / "state-of-one")
    lab.write({"other": source(server)})
    assert _sync(lab) == _sync(lab) == (0, ["stored"])
    lab.state.rename(lab.folder / "state-of-other")
    own.rename(lab.state)
    lab.write({"lab": source(server)})
    assert _sync(lab) == (0, ["stored"])
