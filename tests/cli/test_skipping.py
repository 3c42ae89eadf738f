"""What is not exported or not stored again, and what is stored but looks wrong."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labferry.testing.rspace import ALICE, Options, RealArchive, Record

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Source
    from tests.lab import Lab

    from labferry.testing.rspace import SimulatedRSpace

EXPORTS = Path(__file__).parent.parent / "data" / "rspace-exports"
REAL = EXPORTS / "RSPAC-1917-1-61chemtest.zip"


def _outcomes(lab: Lab) -> list[str]:
    done = lab.run("sync", "--json")
    assert done.code == 0, done
    return [export["outcome"] for export in done.document["exports"]]


def test_unchanged_archive_is_not_stored_again(serve: Serve, lab: Lab, source: Source) -> None:
    server = serve(Options(archives=[REAL]))
    lab.write({"lab": source(server, skip_unchanged=True)}, ["nas", "offsite"])
    assert [_outcomes(lab), _outcomes(lab)] == [["stored"], ["unchanged"]]
    assert len(server.exports) == 2
    assert len(lab.archives("nas")) == len(lab.archives("offsite")) == 1
    assert list((lab.state / "spool").iterdir()) == []


def test_changed_archive_is_stored_again(serve: Serve, lab: Lab, source: Source) -> None:
    server = serve(Options(archives=[RealArchive(REAL)]))
    lab.write({"lab": source(server, skip_unchanged=True)})
    assert _outcomes(lab) == ["stored"]
    name = "doc_docwithlargeimportedchem-1707/note.txt"
    server.options.archives = [RealArchive(REAL, changed={name: b"one more result"})]
    assert _outcomes(lab) == ["stored"]
    assert len(lab.archives()) == 2


def test_unchanged_archive_is_stored_where_it_is_missing(
    serve: Serve, lab: Lab, source: Source
) -> None:
    server = serve(Options(archives=[REAL]))
    chem = source(server, skip_unchanged=True)
    lab.write({"lab": chem})
    assert _outcomes(lab) == ["stored"]
    lab.write({"lab": chem}, ["nas", "offsite"])
    assert _outcomes(lab) == ["stored"]
    assert len(lab.archives("offsite")) == 1


def test_no_export_is_asked_for_where_nothing_happened(
    server: SimulatedRSpace, lab: Lab, source: Source
) -> None:
    lab.write({"lab": source(server, skip_idle=True)})
    assert _outcomes(lab) == ["stored"]
    assert _outcomes(lab) == ["unchanged"]
    assert len(server.exports) == 1
    now = datetime.now(UTC)
    server.world.add(Record(900, "It worked", ALICE.username, created=now, modified=now))
    assert _outcomes(lab) == ["stored"]
    assert len(server.exports) == 2


def test_archive_that_lost_most_of_its_members_is_stored_and_reported(
    serve: Serve, lab: Lab, source: Source, tmp_path: Path
) -> None:
    server = serve(Options(archives=[REAL]))
    lab.write({"lab": source(server)})
    assert _outcomes(lab) == ["stored"]
    server.options.archives = [_without_documents(tmp_path / "small.zip")]
    done = lab.run("sync")
    assert done.code == 3
    assert "The archive has only" in done.err
    assert "suspicious_below" in done.err
    assert len(lab.archives()) == 2


def test_archive_with_a_path_outside_is_stored_and_unpacked_inside(
    serve: Serve, lab: Lab, source: Source
) -> None:
    """A name never costs a backup: what it could do, it could do only when it is unpacked."""
    hostile = RealArchive(REAL, changed={"../../outside.txt": b"caught"})
    lab.write({"lab": source(serve(Options(archives=[hostile])))})
    done = lab.run("sync")
    assert done.code == 0
    assert "outside.txt" in done.err
    assert lab.run("verify", "--contents").code == 0
    back = lab.run("restore", "latest", "--source", "lab", "--to", "unpacked", "--extract")
    assert back.code == 0
    (caught,) = lab.folder.rglob("outside.txt")
    assert caught.is_relative_to(lab.folder / "unpacked")


def _without_documents(path: Path) -> Path:
    with zipfile.ZipFile(REAL) as real, zipfile.ZipFile(path, "w") as small:
        for info in real.infolist():
            if "/doc_" not in info.filename and not info.filename.endswith(".xsd"):
                small.writestr(info, real.read(info))
    return path
