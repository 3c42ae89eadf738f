import io
import logging
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.paths import REAL_EXPORTS

from labferry.copies.reader import check_contents
from labferry.runtime.stop import Stop
from labferry.sdk import ExportRequest, IntegrityError, Manifest, ManifestJob, ManifestSource
from labferry.sdk.zips import UnpackPaths, ZipArchive, show_name
from labferry.testing.rspace import PI_KEY, BigArchive, Options, SimulatedRSpace
from labferry.testing.rspace.archives import pack
from labferry.testing.rspace.big import FillingArchive
from labferry_rspace import RSpaceSettings, RSpaceSource
from labferry_rspace.members import Members

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Export = Callable[[RSpaceSource], tuple[ExportRequest, BinaryIO]]
Plan = Callable[[RSpaceSource], list[ExportRequest]]
Judge = Callable[[bytes], str]

MANIFEST = (
    "Database version:2.26.0\nExported by:Alice Ames\nOrcidID:\n"
    "RSPace application version:2.26.0\nSource URL:https://rspace.example.edu\n"
    "archiveId:97a29fce\narchiveSource:ResearchSpace\nexportDate:2026-01-02\nscope:USER\n"
)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SETTINGS = RSpaceSettings.model_validate(
    {"type": "rspace", "url": "https://rspace.example.edu", "api_key": {"env": "NONE"}}
)
STORED = Manifest(
    labferry_manifest=1,
    archive_id="20260102T030405Z-lab-23",
    file="20260102T030405Z-lab-23.zip",
    size=0,
    sha256="0" * 64,
    crc32="00000000",
    source=ManifestSource(
        name="lab", type="rspace", url="https://rspace.example.edu", series="user", parameters={}
    ),
    job=ManifestJob(id="23", submitted=NOW, completed=NOW),
    created_by="labferry",
)
GOOD = (("root/", b""), ("root/manifest.txt", MANIFEST.encode()), ("root/a.xml", b"<a/>" * 99))


FILLING = FillingArchive(2000, "root", MANIFEST.encode())
ZIP64 = b"".join(FILLING.chunks(0, FILLING.size))


def zipped(members: Iterable[tuple[str | zipfile.ZipInfo, bytes]] = GOOD) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return whole.getvalue()


def asked(scope: str) -> ExportRequest:
    return ExportRequest(
        scope,
        scope,
        {"format": "xml", "scope": scope, "max_link_level": 1, "include_revision_history": False},
    )


@pytest.fixture
def refusal(connect: Connect) -> Judge:
    """Why an archive is refused; empty if it is not."""
    source = connect("https://rspace.example.edu")
    request = asked("user")

    def judged(archive: bytes) -> str:
        try:
            source.examine(io.BytesIO(archive), request)
        except IntegrityError as error:
            return str(error)
        return ""

    return judged


@pytest.mark.parametrize("chosen", ["xml", "html"])
@pytest.mark.parametrize("verified", [True, False])
def test_what_the_server_made_is_looked_into(
    server: SimulatedRSpace,
    connect: Connect,
    export: Export,
    chosen: str,
    verified: bool,  # noqa: FBT001 - a table
) -> None:
    source = connect(server, format=chosen, verify_contents=verified)
    request, archive = export(source)
    contents = source.examine(archive, request)
    with zipfile.ZipFile(archive) as whole:
        files = [name for name in whole.namelist() if not name.endswith("/")]
    assert contents.members == len(files) > 10


@pytest.mark.parametrize(
    ("key", "chosen"),
    [("", {}), (PI_KEY, {"scope": "group"}), ("", {"scope": "selection", "selections": [202]})],
)
def test_every_scope_fits_its_manifest(
    server: SimulatedRSpace, connect: Connect, export: Export, key: str, chosen: dict[str, object]
) -> None:
    source = connect(server, key, **chosen) if key else connect(server, **chosen)
    request, archive = export(source)
    assert source.examine(archive, request).members > 0


@pytest.mark.parametrize("name", ["RSPAC-1917-1-61chemtest.zip", "a2.zip", "v22.zip"])
def test_real_archives_of_three_versions_are_accepted(
    serve: Serve, connect: Connect, export: Export, name: str
) -> None:
    source = connect(serve(Options(archives=[REAL_EXPORTS / name])))
    request, archive = export(source)
    assert source.examine(archive, request).members > 8


def test_another_address_in_the_manifest_refuses_no_archive(
    serve: Serve, connect: Connect, export: Export, caplog: pytest.LogCaptureFixture
) -> None:
    source = connect(serve(Options(urls_prefix="https://eln.example.edu/")))
    request, archive = export(source)
    caplog.set_level(logging.INFO)
    assert source.examine(archive, request).members > 0
    assert "names https://eln.example.edu as its source" in caplog.text


def test_an_archive_of_another_scope_is_refused(
    server: SimulatedRSpace, connect: Connect, export: Export, plan: Plan
) -> None:
    _, archive = export(connect(server))
    other = connect(server, scope="selection", selections=[202])
    with pytest.raises(IntegrityError, match=r"'USER'. labferry asked for 'SELECTION'"):
        other.examine(archive, plan(other)[0])


def test_a_zip64_archive_larger_than_memory_should_be_is_read_in_pieces(
    serve: Serve, connect: Connect, plan: Plan, tmp_path: Path
) -> None:
    server = serve(Options(archives=[BigArchive(64 * 1024 * 1024)]))
    source = connect(server)
    (request,) = plan(source)
    source.submit(request, source.lanes()[0])
    path = tmp_path / "big.zip"
    made = server.exports[0].archive
    with path.open("wb") as file:
        file.writelines(made.chunks(0, made.size))
    tracemalloc.start()
    with path.open("rb") as archive:
        contents = source.examine(archive, request)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert contents.members == 2
    assert peak < 8 * 1024 * 1024


def test_a_good_archive_is_accepted(refusal: Judge) -> None:
    assert refusal(zipped()) == ""


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        (zipped()[:-1], "no sound zip file"),
        (zipped()[:-30], "no directory"),
        (zipped() + b"\0", "end is not where"),
        (b"\0" + zipped(), "directory is not where"),
        (zipped()[:20] + zipped()[40:], "directory is not where"),
        (b"", "no directory"),
        (b"<html></html>", "no directory"),
        (zipped([]), "empty"),
        (zipped()[:-22] + zipped()[-22:].replace(b"\3\0\3\0", b"\4\0\4\0"), "ends within member 4"),
        (zipped()[:-22] + zipped()[-22:].replace(b"\3\0\3\0", b"\3\0\4\0"), "several parts"),
    ],
)
def test_a_directory_that_is_not_whole(refusal: Judge, damaged: bytes, told: str) -> None:
    with pytest.raises(IntegrityError, match=told):
        raise IntegrityError(refusal(damaged))


def test_an_end_of_zip64_that_leads_nowhere(refusal: Judge) -> None:
    whole = zipped()
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 3, 1)
    assert "end of its directory is missing" in refusal(whole[:-22] + b"\0" * 99 + locator + end)
    beyond = struct.pack("<4sLQL", b"PK\6\7", 0, 2**40, 1)
    assert "not where it should be" in refusal(whole[:-22] + b"\0" * 99 + beyond + end)


@given(data=st.data())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_damage_ends_in_anything_but_a_refusal(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from([zipped(), ZIP64])))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    with suppress(IntegrityError):
        Members(io.BytesIO(whole)).check()


def test_more_members_than_any_export_has_are_not_read(refusal: Judge) -> None:
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 2_000_000, 2_000_000, 46, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 46, 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    assert "2000000 members" in refusal(b"\0" * 46 + end64 + locator + end)


@pytest.mark.parametrize("offset", [40, 120, 200, 260])
def test_a_member_whose_checksum_does_not_hold_is_named(refusal: Judge, offset: int) -> None:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("root/manifest.txt", MANIFEST)
        archive.writestr("root/x", b"x" * 999)
    whole = bytearray(stored.getvalue())
    whole[len(MANIFEST) + offset] ^= 1
    told = refusal(bytes(whole))
    assert "CRC-32" in told
    assert "root/" in told


def test_without_verification_only_the_directory_is_read(connect: Connect) -> None:
    source = connect("https://rspace.example.edu", verify_contents=False)
    whole = bytearray(zipped())
    whole[whole.index(b"manifest.txt") + 20] ^= 1
    assert source.examine(io.BytesIO(whole), asked("group")).members == 2
    with pytest.raises(IntegrityError):
        source.examine(io.BytesIO(whole[:-1]), asked("group"))


def info(name: str, mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    made.compress_type = method
    return made


@pytest.mark.parametrize(
    "name",
    [
        "Ratio 1\\2.png",
        "..\\..\\etc",
        'say "hi".txt',
        "10:30 o'clock.txt",
        "aux",
        "aux.txt",
        "trailing dots...",
        "x" * 251 + ".png",
        "\u00fc" * 127,
        "\U0001f468\u200d\U0001f469\u200d\U0001f467.png",
        "\u05d0\u05d1\u05d2 \u0645\u0631\u062d.docx",
        "photo\u202egnp.exe",
        "Manifest.TXT",
        "\x1b[2J",
        "..",
        "<i>&amp;",
        "C:",
    ],
)
def test_every_name_that_a_person_can_give_is_stored(
    refusal: Judge, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """RSpace forbids nothing but `/`, and calls a member what its Gallery file is called."""
    assert refusal(pack("root", {"manifest.txt": MANIFEST.encode(), name: b"x"}, NOW)) == ""
    warned = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert all(message.isprintable() for message in warned)
    is_odd = UnpackPaths().choose(f"root/{name}").is_renamed or name == "Manifest.TXT"
    assert len(warned) == int(is_odd)
    if is_odd:
        # Which of two that meet is named depends on the order, which a server does not promise.
        shown = show_name("root/manifest.txt"), show_name(f"root/{name}")
        assert any(each in warned[0] for each in shown)


def test_a_warning_names_a_few_of_many(refusal: Judge, caplog: pytest.LogCaptureFixture) -> None:
    names = [f"{number}\\{number}" for number in range(5)]
    assert refusal(zipped([*GOOD, *((f"root/{name}", b"") for name in names)])) == ""
    assert "'root/2\\2' and 2 more. The archive is stored as it is" in caplog.text


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "C:/windows", "elsewhere/a", "root", "top.txt", ".."]
)
def test_members_outside_of_the_one_root_folder(refusal: Judge, name: str) -> None:
    refused = refusal(zipped([*GOOD, (name, b"")]))
    assert "RSpace writes no such export" in refused
    assert repr(name) in refused


def test_names_are_shown_without_control_characters(refusal: Judge) -> None:
    assert "\x1b" not in refusal(zipped([*GOOD, ("else/\x1b[2J\r\n", b"")]))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_two_members_of_one_name_have_no_fingerprint(connect: Connect) -> None:
    """One of them would hide a change of the other."""
    source = connect("https://rspace.example.edu")
    archive = io.BytesIO(zipped([*GOOD, ("root/a.xml", b"other")]))
    contents = source.examine(archive, asked("user"))
    assert (contents.members, contents.fingerprint) == (3, None)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@given(data=st.data())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_whatever_is_accepted_passes_every_later_test(data: st.DataObject) -> None:
    """What the source stores, `verify --contents`, `drill` and a repair find intact."""
    names = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
        ["aux.txt", "Data.csv", "data.csv", "a\\b", "..", "a/../b", "manifest.txt/", "x" * 300]
    )
    members = data.draw(st.dictionaries(names, st.binary(max_size=50), max_size=6))
    whole = bytearray(pack("root", {"manifest.txt": MANIFEST.encode(), **members}, NOW))
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] ^= data.draw(st.integers(0, 255))
    source, archive = RSpaceSource("lab", SETTINGS), io.BytesIO(whole)
    try:
        contents = source.examine(archive, asked("user"))
    except IntegrityError:
        return
    assert ZipArchive(archive).test() == contents.members
    assert check_contents(archive, STORED, Stop()) == contents.members


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_packed_in_another_way(refusal: Judge, method: int) -> None:
    told = refusal(zipped([*GOOD, (info("root/x", method=method), b"x")]))
    assert "'root/x' is packed in a way that is not known here" in told


@pytest.mark.parametrize(("flag", "told"), [(0x1, "encrypted"), (0x20, "not known")])
def test_encrypted_and_patched_members(refusal: Judge, flag: int, told: str) -> None:
    whole = bytearray(zipped())
    at = whole.rindex(b"PK\1\2") + 8
    whole[at] |= flag
    assert told in refusal(bytes(whole))


def test_a_bomb_is_not_unpacked(refusal: Judge) -> None:
    whole = bytearray(zipped([*GOOD, *((f"root/{n}", b"0") for n in range(3))]))
    at = whole.index(b"PK\1\2")  # of the folder, which stays as it is
    for _ in range(5):
        at = whole.index(b"PK\1\2", at + 1)
        whole[at + 24 : at + 28] = struct.pack("<L", 0xFFFFFFFE)
    assert "would unpack to" in refusal(bytes(whole))


def test_sizes_that_lie_are_noticed(refusal: Judge) -> None:
    whole = bytearray(zipped())
    at = whole.rindex(b"PK\1\2")
    whole[at + 24 : at + 28] = struct.pack("<L", 4 * 99 + 1)
    assert "'root/a.xml'" in refusal(bytes(whole))


def manifest(**changed: str | None) -> list[tuple[str | zipfile.ZipInfo, bytes]]:
    lines = dict(line.split(":", 1) for line in MANIFEST.splitlines())
    kept = {**lines, **changed}
    text = "".join(f"{key}:{value}\n" for key, value in kept.items() if value is not None)
    return [("root/manifest.txt", text.encode())]


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ([("root/a.xml", b"")], "has no manifest.txt"),
        ([("root/deeper/manifest.txt", MANIFEST.encode())], "has no manifest.txt"),
        (manifest(archiveSource="Another notebook"), "'Another notebook'.*no export of RSpace"),
        (manifest(archiveSource=None), "says nothing of archiveSource"),
        (manifest(scope=None, archiveId=None), "says nothing of archiveId, scope"),
        (manifest(scope="GROUP"), "'GROUP'. labferry asked for 'USER'"),
        ([("root/manifest.txt", b"")], "says nothing of"),
        ([("root/manifest.txt", b"\xff\xfe\0\1")], "says nothing of"),
        ([("root/manifest.txt", b"0" * 2_000_000)], "2000000 bytes"),
    ],
)
def test_a_manifest_that_is_not_of_this_export(
    refusal: Judge, members: list[tuple[str | zipfile.ZipInfo, bytes]], told: str
) -> None:
    with pytest.raises(IntegrityError, match=told):
        raise IntegrityError(refusal(zipped(members)))


def test_the_lines_that_came_later_may_be_missing(refusal: Judge) -> None:
    assert refusal(zipped(manifest(OrcidID=None))) == ""


def test_a_bomb_by_folders_takes_no_memory_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for number in range(2000):
            file.writestr("/".join(["root", str(number), *"a" * 60]), b"")
    tracemalloc.start()
    Members(buffer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20  # with all folders: 30 MB
    assert "needs more than 9000 folders for 2000 members" in caplog.text
    assert "`labferry restore --extract` refuses it" in caplog.text
