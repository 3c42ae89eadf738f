"""What is not exported or not stored again, and what is stored but looks wrong."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labferry.testing.rspace import ALICE, Options, RealArchive, Record

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Site, Source

    from labferry.testing.rspace import SimulatedRSpace

EXPORTS = Path(__file__).parent.parent / "data" / "rspace-exports"
REAL = EXPORTS / "RSPAC-1917-1-61chemtest.zip"


def _outcomes(site: Site) -> list[str]:
    done = site.run("sync", "--json")
    assert done.code == 0, done
    return [export["outcome"] for export in done.document["exports"]]


def test_unchanged_archive_is_not_stored_again(serve: Serve, site: Site, source: Source) -> None:
    server = serve(Options(archives=[REAL]))
    site.write({"lab": source(server, skip_unchanged=True)}, ["nas", "offsite"])
    assert [_outcomes(site), _outcomes(site)] == [["stored"], ["unchanged"]]
    assert len(server.exports) == 2
    assert len(site.archives("nas")) == len(site.archives("offsite")) == 1
    assert list((site.state / "spool").iterdir()) == []


def test_changed_archive_is_stored_again(serve: Serve, site: Site, source: Source) -> None:
    server = serve(Options(archives=[RealArchive(REAL)]))
    site.write({"lab": source(server, skip_unchanged=True)})
    assert _outcomes(site) == ["stored"]
    name = "doc_docwithlargeimportedchem-1707/note.txt"
    server.options.archives = [RealArchive(REAL, changed={name: b"one more result"})]
    assert _outcomes(site) == ["stored"]
    assert len(site.archives()) == 2


def test_unchanged_archive_is_stored_where_it_is_missing(
    serve: Serve, site: Site, source: Source
) -> None:
    server = serve(Options(archives=[REAL]))
    lab = source(server, skip_unchanged=True)
    site.write({"lab": lab})
    assert _outcomes(site) == ["stored"]
    site.write({"lab": lab}, ["nas", "offsite"])
    assert _outcomes(site) == ["stored"]
    assert len(site.archives("offsite")) == 1


def test_no_export_is_asked_for_where_nothing_happened(
    server: SimulatedRSpace, site: Site, source: Source
) -> None:
    site.write({"lab": source(server, skip_idle=True)})
    assert _outcomes(site) == ["stored"]
    assert _outcomes(site) == ["unchanged"]
    assert len(server.exports) == 1
    now = datetime.now(UTC)
    server.world.add(Record(900, "It worked", ALICE.username, created=now, modified=now))
    assert _outcomes(site) == ["stored"]
    assert len(server.exports) == 2


def test_archive_that_lost_most_of_its_members_is_stored_and_reported(
    serve: Serve, site: Site, source: Source, tmp_path: Path
) -> None:
    server = serve(Options(archives=[REAL]))
    site.write({"lab": source(server)})
    assert _outcomes(site) == ["stored"]
    server.options.archives = [_without_documents(tmp_path / "small.zip")]
    done = site.run("sync")
    assert done.code == 3
    assert "The archive has only" in done.err
    assert "suspicious_below" in done.err
    assert len(site.archives()) == 2


def test_archive_with_a_path_outside_is_refused(serve: Serve, site: Site, source: Source) -> None:
    hostile = RealArchive(REAL, changed={"../../outside.txt": b"caught"})
    site.write({"lab": source(serve(Options(archives=[hostile])))})
    done = site.run("sync")
    assert done.code == 4
    assert "name that can lead elsewhere" in done.err
    assert site.files() == []


def _without_documents(path: Path) -> Path:
    with zipfile.ZipFile(REAL) as real, zipfile.ZipFile(path, "w") as small:
        for info in real.infolist():
            if "/doc_" not in info.filename and not info.filename.endswith(".xsd"):
                small.writestr(info, real.read(info))
    return path
