"""What is found inside an archive, and what two archives of the same work have in common."""

import io
import itertools
from collections.abc import Callable
from typing import BinaryIO

import pytest
from tests.servers.elabftw import Entry, SimulatedElabftw, Upload

from labferry.sdk import Contents, IntegrityError
from labferry_elabftw import ElabftwSource

from .conftest import Connect, Export


def examined(source: ElabftwSource, export: Export) -> Contents:
    request, archive = export(source)
    return source.examine(archive, request)


@pytest.fixture
def passing(server: SimulatedElabftw) -> SimulatedElabftw:
    """A server whose clock is another one at each export."""
    ticks = itertools.count(1_800_000_000, 61)
    server.options.clock = lambda: float(next(ticks))
    server.options.seconds = 0.0
    return server


@pytest.mark.parametrize("version", [50108, 50401, 50612])
def test_unchanged_work_has_one_fingerprint(
    passing: SimulatedElabftw, source: ElabftwSource, export: Export, version: int
) -> None:
    passing.options.version = version
    first, second = examined(source, export), examined(source, export)
    assert first.fingerprint
    assert first == second
    assert first.warning == ""
    # Two files of Alice's and one of Bob's that she links to; the metadata and their preview.
    assert first.members == 5
    assert passing.exports[0].data != passing.exports[1].data


def _swap(entry: Entry) -> None:
    entry.uploads.reverse()


def test_the_order_of_entries_and_files_says_nothing(
    passing: SimulatedElabftw, source: ElabftwSource, export: Export
) -> None:
    first = examined(source, export)
    passing.world.entries.reverse()
    _swap(passing.world.entry(11))
    assert examined(source, export) == first


def _modified(entry: Entry) -> None:
    entry.modified = "2026-11-02T10:00:00+01:00"


def _comment(entry: Entry) -> None:
    entry.comments.append("One more.")


def _reworded(entry: Entry) -> None:
    entry.comments[0] = "Looks bad."


def _step(entry: Entry) -> None:
    entry.steps[0] = "Do not pour the gel"


def _tag(entry: Entry) -> None:
    entry.tags = ("gel",)


def _file(entry: Entry) -> None:
    entry.uploads.append(Upload("new.txt", "4d/4d.txt", b"new"))


def _content(entry: Entry) -> None:
    entry.uploads[0].content += b"!"


def _long_name(entry: Entry) -> None:
    entry.uploads[0].long_name = "9f/9f.png"


def _unlinked(entry: Entry) -> None:
    entry.links.clear()


def _deleted(entry: Entry) -> None:
    entry.deleted = True


@pytest.mark.parametrize(
    "change",
    [
        _modified,
        _comment,
        _reworded,
        _step,
        _tag,
        _file,
        _content,
        _long_name,
        _unlinked,
        _deleted,
    ],
)
def test_every_change_has_another_fingerprint(
    server: SimulatedElabftw,
    source: ElabftwSource,
    export: Export,
    change: Callable[[Entry], None],
) -> None:
    first = examined(source, export)
    change(server.world.entry(11))
    second = examined(source, export)
    assert second.fingerprint
    assert second.fingerprint != first.fingerprint


def test_entries_that_link_to_each_other_are_compared(
    server: SimulatedElabftw, source: ElabftwSource, export: Export
) -> None:
    server.world.entry(21).links.append(11)
    assert examined(source, export).fingerprint == examined(source, export).fingerprint


def test_a_file_that_the_server_can_not_read_is_reported(
    server: SimulatedElabftw, source: ElabftwSource, export: Export
) -> None:
    server.world.entry(11).uploads[1].is_readable = False
    contents = examined(source, export)
    assert "lacks 1 file ('results.csv')" in contents.warning
    assert contents.fingerprint is None


def test_files_behind_an_unreadable_one_are_missing_too(
    server: SimulatedElabftw, source: ElabftwSource, export: Export
) -> None:
    server.world.entry(11).uploads[0].is_readable = False
    assert "lacks 2 files ('gel photo.png', 'results.csv')" in examined(source, export).warning


def test_a_file_that_rotted_on_the_server_is_reported(
    server: SimulatedElabftw, source: ElabftwSource, export: Export
) -> None:
    server.world.entry(11).uploads[0].hash = "0" * 64
    warning = examined(source, export).warning
    assert "another content than described for 1 file ('gel photo.png')" in warning


@pytest.mark.parametrize("include_json", [True, False])
def test_a_zip_that_lacks_an_entrys_document_is_reported(
    server: SimulatedElabftw, connect: Connect, export: Export, *, include_json: bool
) -> None:
    source = connect(server, format="zip", include_json=include_json)
    assert examined(source, export).warning == ""
    server.world.entry(11).uploads[1].is_readable = False
    contents = examined(source, export)
    assert "not complete" in contents.warning
    assert contents.fingerprint is None


def test_json_is_compared_and_counted(
    server: SimulatedElabftw, connect: Connect, export: Export
) -> None:
    source = connect(server, format="json")
    first = examined(source, export)
    assert first.members == 4
    server.world.entries.reverse()
    assert examined(source, export) == first
    _modified(server.world.entry(11))
    assert examined(source, export).fingerprint != first.fingerprint


def test_a_pdf_is_looked_at(server: SimulatedElabftw, connect: Connect, export: Export) -> None:
    assert examined(connect(server, format="pdf"), export) == Contents(1, None)


@pytest.mark.parametrize("form", ["eln", "zip", "pdf", "json"])
@pytest.mark.parametrize("data", [b"", b"<html>", b"\x89PNG\r\n\x1a\n", b"{", b"%PDF-1.7\n"])
def test_what_is_something_else_is_refused(
    server: SimulatedElabftw, connect: Connect, form: str, data: bytes
) -> None:
    source = connect(server, format=form)
    (request,) = source.plan(source.lanes())
    with pytest.raises(IntegrityError):
        source.examine(io.BytesIO(data), request)


def test_a_damaged_member_is_refused_if_contents_are_verified(
    server: SimulatedElabftw, connect: Connect, export: Export
) -> None:
    source = connect(server)
    request, archive = export(source)
    data = bytearray(archive.read())
    data[data.index(b"PK\x01\x02") // 4] ^= 1
    damaged: BinaryIO = io.BytesIO(data)
    with pytest.raises(IntegrityError):
        source.examine(damaged, request)
    hasty = connect(server, verify_contents=False)
    assert hasty.examine(io.BytesIO(archive.getvalue()), request) == Contents(5, None)  # type: ignore[attr-defined] # it is a BytesIO
