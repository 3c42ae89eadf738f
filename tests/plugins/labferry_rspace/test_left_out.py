"""What an export never contains, and what it contains of somebody else: nobody is told."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

import pytest

from labferry.sdk import ExportRequest
from labferry.testing.rspace import PI_KEY, SYSADMIN_KEY, Kind, Record, SimulatedRSpace, World
from labferry_rspace import RSpaceSource

Connect = Callable[..., RSpaceSource]
Export = Callable[[RSpaceSource], tuple[ExportRequest, BinaryIO]]


def members(archive: BinaryIO) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as whole:
        return {name.partition("/")[2]: whole.read(name) for name in whole.namelist()}


def break_record(world: World) -> None:
    world.add(replace(world.records[203], broken=True))


def make_example(world: World) -> None:
    world.add(replace(world.records[203], parent=206))


def put_into_shared_folder(world: World) -> None:
    world.add(Record(208, "Shared", "alice", Kind.FOLDER, system=True))
    world.add(replace(world.records[203], parent=208))


@pytest.mark.parametrize("chosen", ["xml", "html"])
@pytest.mark.parametrize("leave_out", [break_record, make_example, put_into_shared_folder])
def test_trap_7_a_record_can_be_missing_without_a_word(
    server: SimulatedRSpace,
    connect: Connect,
    export: Export,
    leave_out: Callable[[World], None],
    chosen: str,
) -> None:
    source = connect(server, format=chosen)
    request, whole = export(source)
    before = source.examine(whole, request)
    assert any("-203/" in name for name in members(whole))
    leave_out(server.world)
    request, lacking = export(source)
    after = source.examine(lacking, request)
    assert not any("-203/" in name for name in members(lacking))
    # Only the number of members and the fingerprint tell, and these are what the core watches.
    assert after.members < before.members
    assert after.fingerprint != before.fingerprint


def test_trap_7_templates_are_in_xml_only(
    server: SimulatedRSpace, connect: Connect, export: Export
) -> None:
    found = {}
    for chosen in ("xml", "html"):
        _, archive = export(connect(server, format=chosen))
        found[chosen] = any("Reportform-207" in name for name in members(archive))
    assert found == {"xml": True, "html": False}


def test_trap_7_of_filestores_there_are_links_only_and_of_the_inventory_nothing(
    server: SimulatedRSpace, connect: Connect, export: Export
) -> None:
    world = server.world
    world.add(replace(world.records[203], nfs=True))
    _, archive = export(connect(server))
    inside = members(archive)
    assert "nfsExports.xml" in inside
    assert b"Acetic acid, glacial" not in b"".join(inside.values())


@pytest.mark.parametrize(("key", "name"), [(PI_KEY, b"pi"), (SYSADMIN_KEY, b"sysadmin1")])
def test_trap_8_an_export_of_another_user_names_the_exporter(
    server: SimulatedRSpace, connect: Connect, export: Export, key: str, name: bytes
) -> None:
    source = connect(server, key, id=101)
    request, archive = export(source)
    inside = members(archive)
    assert b"<username>%b</username>" % name in inside["users.xml"]
    assert b"<username>alice</username>" not in inside["users.xml"]
    assert b"Exported by:Alice Ames" not in inside["manifest.txt"]
    # It is Alice's work all the same, and is taken for it.
    assert "doc_Bufferrecipes-203/" in inside
    assert source.examine(archive, request).members > 10
    assert request.series == "user-101"
