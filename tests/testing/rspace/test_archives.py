"""What is in the zip, and what differs when unchanged work is exported again."""

import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from tests.paths import REAL_EXPORTS

from labferry.testing.rspace import (
    ALICE,
    PI_KEY,
    BigArchive,
    Options,
    RealArchive,
)

from .caller import Caller, unzip
from .conftest import Open

CHEMISTRY = REAL_EXPORTS / "RSPAC-1917-1-61chemtest.zip"
HTML = REAL_EXPORTS / "a2.zip"
OLD = REAL_EXPORTS / "v22.zip"


def manifest(members: dict[str, bytes]) -> dict[str, str]:
    return dict(line.split(":", 1) for line in members["manifest.txt"].decode().splitlines())


def test_xml_layout(caller: Caller) -> None:
    members = caller.members()
    assert {"manifest.txt", "folderTree.xml", "linkResolver.xml", "users.xml"} <= set(members)
    assert sum(name.endswith(".xsd") for name in members) == 3
    assert "resources/commentIcon.gif" in members
    assert "doc_Bufferrecipes-203/doc_Bufferrecipes-203.xml" in members
    assert "media_burettepng-205/burette.png" in members
    assert "messages.xml" in members
    assert "nfsExports.xml" not in members
    assert list(manifest(members)) == [
        "Database version",
        "Exported by",
        "OrcidID",
        "RSPace application version",
        "Source URL",
        "archiveId",
        "archiveSource",
        "exportDate",
        "scope",
    ]
    assert manifest(members)["Exported by"] == "Alice Ames"
    assert manifest(members)["scope"] == "USER"
    assert manifest(members)["Source URL"] == caller.server.url


def test_html_layout_and_no_templates(caller: Caller) -> None:
    members = caller.members("html/user")
    assert {"manifest.txt", "index.html", "a-zIndex.html", "nfs-Links.html"} <= set(members)
    assert "LabBook-201.html" in members
    assert "doc_Bufferrecipes-203/doc_Bufferrecipes-203.html" in members
    assert not any("207" in name for name in members)
    assert any("207" in name for name in caller.members("xml/user"))
    assert manifest(members)["archiveId"] in members["index.html"].decode()


def test_one_root_folder_named_like_the_file(caller: Caller) -> None:
    caller.start()
    export = caller.server.exports[0]
    root = export.file.removesuffix(".zip")
    assert export.content()[30 : 30 + len(root) + 1] == f"{root}/".encode()


def test_selections_have_no_users_and_filestore_links_have_their_file(caller: Caller) -> None:
    world = caller.server.world
    world.add(replace(world.records[203], nfs=True))
    members = caller.members("xml/selection?selections=203")
    assert not {"users.xml", "messages.xml"} & set(members)
    assert "nfsExports.xml" in members
    assert manifest(members)["scope"] == "SELECTION"


def test_trap_8_another_user_s_export_has_the_exporter_s_users_xml(caller: Caller) -> None:
    members = caller.members(f"xml/user/{ALICE.id}", PI_KEY)
    assert b"<username>pi</username>" in members["users.xml"]
    assert "doc_Bufferrecipes-203/doc_Bufferrecipes-203.xml" in members


def test_trap_7_broken_records_and_examples_are_left_out_silently(caller: Caller) -> None:
    world = caller.server.world
    world.add(replace(world.records[203], broken=True), replace(world.records[204], parent=206))
    names = "\n".join(caller.members())
    assert "-203" not in names
    assert "-204" not in names
    assert "-202" in names


def test_revisions_on_request(caller: Caller) -> None:
    assert not any("-rev" in name for name in caller.members())
    names = "\n".join(caller.members("xml/user?includeRevisionHistory=true"))
    assert all(f"doc_Titrationofaceticacid-202-rev{number}/" in names for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("level", "records"), [(0, {202, 205}), (1, {202, 203, 205}), (2, {202, 203, 205, 212})]
)
def test_links_are_followed_to_the_level_asked_for(
    caller: Caller, level: int, records: set[int]
) -> None:
    caller.start(f"xml/selection?selections=202&maxLinkLevel={level}")
    assert set(caller.server.exports[0].records) == records


def test_links_to_what_the_exporter_cannot_read_are_not_followed(caller: Caller) -> None:
    world = caller.server.world
    world.add(replace(world.records[203], links=(230,)))
    caller.start("xml/selection?selections=203&maxLinkLevel=5")
    assert set(caller.server.exports[0].records) == {203}


def test_a_notebook_brings_its_entries(caller: Caller) -> None:
    caller.start("xml/selection?selections=201&maxLinkLevel=0")
    assert set(caller.server.exports[0].records) == {201, 202, 205}


def stable(members: dict[str, bytes]) -> dict[str, bytes]:
    """Members without what the contract says differs every time."""
    pattern = re.compile(rb"(chemd|sktch)[A-Za-z0-9_-]{14}(\.png)")
    return {
        pattern.sub(rb"\1X\2", name.encode()).decode(): pattern.sub(rb"\1X\2", data)
        for name, data in members.items()
        if name not in ("manifest.txt", "index.html")
    }


def test_generated_work_exported_again_differs_only_where_it_may(caller: Caller) -> None:
    first, second = caller.members(), caller.members()
    assert stable(first) == stable(second)
    assert set(first) != set(second)  # the sketch has another name
    assert manifest(first)["archiveId"] != manifest(second)["archiveId"]
    one, two = caller.server.exports
    assert one.file != two.file
    assert one.content() != two.content()


@pytest.mark.parametrize("path", [CHEMISTRY, HTML, OLD])
def test_real_archives_are_packed_anew(open_caller: Open, path: Path) -> None:
    caller = open_caller(Options(archives=[path]))
    original = unzip(path.read_bytes())
    first, second = caller.members(), caller.members()
    assert stable(original) == stable(first) == stable(second)
    ids = {manifest(members)["archiveId"] for members in (original, first, second)}
    assert len(ids) == 3
    assert manifest(first)["exportDate"] != manifest(original)["exportDate"]
    if path is HTML:
        assert manifest(first)["archiveId"] in first["index.html"].decode()
        assert f"<td>{manifest(first)['exportDate']}</td>" in first["index.html"].decode()


def test_random_names_of_a_real_archive_change_with_what_refers_to_them(open_caller: Open) -> None:
    members = open_caller(Options(archives=[CHEMISTRY])).members()
    (picture,) = (name for name in members if re.search(r"/chemd.*\.png$", name))
    plain = picture.rpartition("/")[2]
    assert plain != "chemdbSuh0FG1Hf-Lvw.png"
    folder = "doc_docwithlargeimportedchem-1707"
    assert members[f"{folder}/{folder}.xml"].decode().count(plain) >= 4
    assert f"{folder}/large_{plain}" in members


def test_member_order_and_data_descriptors_are_as_in_real_archives(
    open_caller: Open, tmp_path: Path
) -> None:
    caller = open_caller(Options(archives=[HTML]))
    orders = []
    for number in range(2):
        caller.export("html/user")
        file = tmp_path / f"{number}.zip"
        file.write_bytes(caller.server.exports[-1].content())
        with zipfile.ZipFile(file) as archive:
            assert all(info.flag_bits & 8 for info in archive.infolist() if not info.is_dir())
            orders.append([name.partition("/")[2] for name in archive.namelist()])
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_the_archive_fits_the_format_and_stays_with_its_request(open_caller: Open) -> None:
    caller = open_caller(Options(archives=[CHEMISTRY, HTML, OLD]))
    for path, expected in (("html/user", "index.html"), ("xml/user", "folderTree.xml")):
        assert expected in caller.members(path)
    again = [set(stable(caller.members("xml/user"))) for _ in range(2)]
    assert again[0] == again[1]


def test_a_real_archive_can_change(open_caller: Open) -> None:
    caller = open_caller(Options(archives=[OLD]))
    before = caller.members()
    changed = {"resources/pdf.png": b"another picture"}
    caller.server.options.archives = [RealArchive(OLD, changed)]
    after = caller.members()
    assert stable(before) == {**stable(after), "resources/pdf.png": before["resources/pdf.png"]}
    assert after["resources/pdf.png"] == b"another picture"


def test_a_big_archive_is_a_valid_zip_of_exactly_that_size(open_caller: Open) -> None:
    caller = open_caller(Options(archives=[BigArchive(3_000_000)]))
    shown = caller.export()
    data = caller.fetch(shown)
    assert len(data) == shown["result"]["size"] == 3_000_000
    assert shown["result"]["checksum"] == str(caller.server.exports[0].crc32)
    assert list(unzip(data)) == ["manifest.txt", "big.bin"]
    caller.server.options.archives = [BigArchive(10)]
    caller.server.errors.clear()
    assert caller.post("xml/user").status_code == 500
    assert isinstance(caller.server.errors.pop(), ValueError)
