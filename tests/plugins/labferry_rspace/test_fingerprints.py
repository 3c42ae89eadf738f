"""Unchanged work has one fingerprint, and no change is ever without another."""

import io
import re
import secrets
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.paths import REAL_EXPORTS
from tests.speed import first_quick

from labferry.sdk import ExportRequest, IntegrityError
from labferry.testing.rspace import Options, RealArchive, SimulatedRSpace
from labferry.testing.rspace.archives import pack
from labferry_rspace import RSpaceSettings, RSpaceSource

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Export = Callable[[RSpaceSource], tuple[ExportRequest, BinaryIO]]

CHEMISTRY = REAL_EXPORTS / "RSPAC-1917-1-61chemtest.zip"
HTML = REAL_EXPORTS / "a2.zip"
OLD = REAL_EXPORTS / "v22.zip"
MANIFEST = (
    "Exported by:Alice\nSource URL:https://rspace.example.edu\narchiveId:{id}\n"
    "archiveSource:ResearchSpace\nexportDate:{day}\nscope:USER\n"
)
REQUEST = ExportRequest(
    "user",
    "work of alice",
    {"format": "xml", "scope": "user", "max_link_level": 1, "include_revision_history": False},
)
SOURCE = RSpaceSource(
    "lab",
    RSpaceSettings.model_validate(
        {"type": "rspace", "url": "https://rspace.example.edu", "api_key": {"env": "NONE"}}
    ),
)
FOLDER = "doc_Rings-7"
PATIENT: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


def fingerprint_of(members: Mapping[str, bytes], source: RSpaceSource = SOURCE) -> str:
    """That of an export with these members, in an archive packed anew."""
    root = f"RSpace-2026-01-02-03-04-xml-alice-{secrets.token_urlsafe(10)}"
    data = pack(root, members, datetime.now(UTC))
    contents = source.examine(io.BytesIO(data), REQUEST)
    assert contents.fingerprint is not None
    return contents.fingerprint


def reexported(path: Path) -> dict[str, bytes]:
    return RealArchive(path).members(date(2026, 1, 1 + secrets.randbelow(28)), "USER")


def renewed(name: str) -> str:
    """A member's name as it would be in the next export."""
    return re.sub(r"(chemd|sktch|annot|math)[\w-]{14}(?=\.)", r"\1", name)


@cache
def original(path: Path) -> str:
    return fingerprint_of(reexported(path))


@pytest.mark.parametrize("path", [CHEMISTRY, HTML, OLD])
def test_real_archives_exported_again_by_the_server_are_unchanged(
    serve: Serve, connect: Connect, export: Export, path: Path
) -> None:
    server = serve(Options(archives=[path]))
    source = connect(server, format="html" if path is HTML else "xml")
    found = set()
    for _ in range(3):
        request, archive = export(source)
        found.add(source.examine(archive, request).fingerprint)
    assert len({made.crc32 for made in server.exports}) == 3
    assert len(found) == 1
    assert None not in found


@pytest.mark.parametrize("chosen", ["xml", "html"])
@pytest.mark.parametrize("history", [False, True])
def test_generated_work_with_a_sketch_is_unchanged_until_it_changes(
    server: SimulatedRSpace,
    connect: Connect,
    export: Export,
    chosen: str,
    history: bool,  # noqa: FBT001 - a table
) -> None:
    source = connect(server, format=chosen, include_revision_history=history)

    def fingerprint() -> str | None:
        request, archive = export(source)
        return source.examine(archive, request).fingerprint

    before = fingerprint()
    assert fingerprint() == before is not None
    world = server.world
    seen: set[str | None] = {before}
    for change in (
        replace(world.records[204], text="<p>Another sketch</p>"),
        replace(world.records[202], name="Titration"),
        replace(world.records[205], data=b"another picture"),
        replace(world.records[203], id=299),
    ):
        world.add(change)
        assert fingerprint() not in seen
        seen.add(fingerprint())
    world.delete(203)
    assert fingerprint() not in seen


@pytest.mark.slow
@pytest.mark.parametrize("path", first_quick([CHEMISTRY, HTML, OLD]))
def test_work_that_was_changed_since_is_changed(
    serve: Serve, connect: Connect, export: Export, path: Path
) -> None:
    server = serve(Options(archives=[path]))
    source = connect(server)
    request, archive = export(source)
    before = source.examine(archive, request).fingerprint
    for name in reexported(path):
        if name.endswith("/") or name in {"manifest.txt", "index.html"} or renewed(name) != name:
            continue
        data = RealArchive(path).members(date(2026, 1, 1), "USER")[name]
        server.options.archives = [RealArchive(path, {name: data + b" "})]
        request, archive = export(source)
        assert source.examine(archive, request).fingerprint != before, name


def ignored(name: str, members: Mapping[str, bytes]) -> list[tuple[int, int]]:
    """Where in a member stands what is made anew on every export."""
    if name not in {"manifest.txt", "index.html"}:
        return []
    told = dict(line.split(b":", 1) for line in members["manifest.txt"].splitlines())
    values = (told[b"archiveId"], told[b"exportDate"])
    before = rb"archiveId:|exportDate:|<td>\s*"
    return [
        match.span(1)
        for value in values
        for match in re.finditer(rb"(?:%b)(%b)" % (before, re.escape(value)), members[name])
    ]


@pytest.mark.parametrize("path", [CHEMISTRY, HTML, OLD])
@given(data=st.data())
@settings(max_examples=60, **PATIENT)
def test_any_changed_byte_changes_the_fingerprint(path: Path, data: st.DataObject) -> None:
    members = reexported(path)
    name = data.draw(st.sampled_from(sorted(name for name in members if members[name])))
    at = data.draw(st.integers(0, len(members[name]) - 1))
    bit = data.draw(st.integers(0, 7))
    assume(not any(begin <= at < end for begin, end in ignored(name, members)))
    changed = bytearray(members[name])
    changed[at] ^= 1 << bit
    try:
        assert fingerprint_of({**members, name: bytes(changed)}) != original(path)
    except IntegrityError:
        # Without its lines an archive is refused, which is no skip either.
        assert name == "manifest.txt"


@pytest.mark.parametrize("path", [CHEMISTRY, HTML, OLD])
@given(data=st.data())
@settings(max_examples=40, **PATIENT)
def test_any_member_more_or_less_or_elsewhere_changes_the_fingerprint(
    path: Path, data: st.DataObject
) -> None:
    members = reexported(path)
    files = sorted(name for name in members if members[name] and name != "manifest.txt")
    name, other = data.draw(st.sampled_from(files)), data.draw(st.sampled_from(files))
    what = data.draw(st.sampled_from(["gone", "copied", "renamed", "swapped", "cut", "emptied"]))
    content = members[name]
    match what:
        case "gone":
            del members[name]
        case "copied":
            members[f"{name}2"] = content
        case "renamed":
            members[f"{name}2"] = members.pop(name)
        case "swapped":
            assume(members[other] != content)
            members[name], members[other] = members[other], content
        case "cut":
            members[name] = content[: len(content) // 2]
        case "emptied":
            members[name] = b""
    assert fingerprint_of(members) != original(path)


def token() -> str:
    return secrets.token_urlsafe(10)


def picture_list(kind: str, names: list[str]) -> str:
    told = "".join(
        f"<info><fileName>{name}</fileName><name>{name}</name><linkFile>{name}</linkFile></info>"
        for name in names
    )
    return f"<{kind}>{told}</{kind}>"


def notebook(
    ending: str,
    *,
    pictures: tuple[bytes, bytes] = (b"one", b"two"),
    large: bytes = b"large",
    formula: bytes = b"<svg/>",
    text: str = "",
) -> dict[str, bytes]:
    """A document with two sketches, an annotation, a formula and a structure, exported anew."""
    first, second, annotated = (f"sktch{token()}.png", f"sktch{token()}.png", f"annot{token()}.png")
    maths, structure = f"math{token()}.svg", f"chemd{token()}.png"
    shown = "".join(f'<img class="x" src="{name}">' for name in (first, annotated, second))
    shown += f'<object data="{maths}"></object><img src="large_{structure}">'
    lists = (
        picture_list("sketchImageList", [first, second])
        + picture_list("ImageAnnotationList", [annotated])
        + picture_list("mathList", [maths])
        + picture_list("chemdooleImageList", [structure])
    )
    document = shown + text + (lists if ending == "xml" else "")
    day = f"2026-01-{10 + secrets.randbelow(9)}"
    return {
        f"{FOLDER}/{FOLDER}.{ending}": document.encode(),
        f"{FOLDER}/{first}": pictures[0],
        f"{FOLDER}/{second}": pictures[1],
        f"{FOLDER}/{annotated}": b"annotated",
        f"{FOLDER}/{maths}": formula,
        f"{FOLDER}/{structure}": b"small",
        f"{FOLDER}/large_{structure}": large,
        "manifest.txt": MANIFEST.format(id=token(), day=day).encode(),
    }


@pytest.mark.parametrize("ending", ["xml", "html"])
def test_every_kind_of_random_name_is_left_out(ending: str) -> None:
    assert fingerprint_of(notebook(ending)) == fingerprint_of(notebook(ending))


@pytest.mark.parametrize("ending", ["xml", "html"])
@pytest.mark.parametrize(
    "change",
    [
        {"pictures": (b"one", b"new")},
        {"pictures": (b"two", b"one")},
        {"pictures": (b"one", b"one")},
        {"large": b"larger"},
        {"formula": b"<svg></svg>"},
        {"text": "<p>more</p>"},
    ],
)
def test_other_pictures_or_another_order_of_them_are_a_change(
    ending: str, change: dict[str, bytes]
) -> None:
    assert fingerprint_of(notebook(ending, **change)) != fingerprint_of(notebook(ending))  # type: ignore[arg-type] # a table


@pytest.mark.parametrize("ending", ["xml", "html"])
def test_a_file_of_the_users_whose_name_looks_random_keeps_it(ending: str) -> None:
    """Renaming it is a change: in XML the name is the user's, in HTML it is there to be read."""

    def attached(name: str) -> dict[str, bytes]:
        seen = picture_list("attachList", [name]) if ending == "xml" else f'<p>See "{name}"</p>'
        return {
            f"{FOLDER}/{FOLDER}.{ending}": f'<img src="{name}">{seen}'.encode(),
            f"{FOLDER}/{name}": b"drawn by hand",
            "manifest.txt": MANIFEST.format(id="1", day="2026-01-01").encode(),
        }

    first, second = attached("sktch-of-a-flask-01.png"), attached("sktch-of-a-flask-02.png")
    assert fingerprint_of(first) != fingerprint_of(second)
    assert fingerprint_of(first) == fingerprint_of(dict(first))


def test_a_random_name_outside_of_a_document_is_a_change() -> None:
    def gallery(name: str) -> dict[str, bytes]:
        told = MANIFEST.format(id="1", day="2026-01-01").encode()
        return {f"media_x-9/{name}": b"1", "manifest.txt": told}

    assert fingerprint_of(gallery(f"sktch{token()}.png")) != fingerprint_of(
        gallery(f"sktch{token()}.png")
    )


def test_a_date_that_is_the_exports_own_is_left_out_of_the_index_where_it_is_told_only() -> None:
    def index(day: str, name: str) -> dict[str, bytes]:
        rows = f"<td>archiveId</td><td>1</td><td>exportDate</td>\n <td>{day}</td>"
        told = MANIFEST.format(id="1", day=day).encode()
        return {"index.html": f"{rows}<a>{name}</a>".encode(), "manifest.txt": told}

    today, tomorrow = "2026-01-01", "2026-01-02"
    before = fingerprint_of(index(today, today))
    assert fingerprint_of(index(tomorrow, today)) == before
    assert fingerprint_of(index(tomorrow, tomorrow)) != before
    doubtful = f"<td>exportDate</td><td>{today}</td>"
    assert fingerprint_of(index(today, doubtful)) != before


@pytest.mark.parametrize("key", ["Exported by", "Source URL", "archiveSource"])
def test_the_manifests_other_lines_count(key: str) -> None:
    told = MANIFEST.format(id="1", day="2026-01-01")
    changed = told.replace(f"{key}:", f"{key}: ")
    assert fingerprint_of({"manifest.txt": told.encode()}) != fingerprint_of(
        {"manifest.txt": changed.encode()}
    )


def test_the_directory_alone_tells_of_xml_without_pictures_and_of_nothing_else(
    connect: Connect,
) -> None:
    source = connect("https://rspace.example.edu", verify_contents=False)
    assert fingerprint_of(reexported(OLD), source) == fingerprint_of(reexported(OLD), source)
    changed = {**reexported(OLD), "resources/pdf.png": b"another"}
    assert fingerprint_of(changed, source) != fingerprint_of(reexported(OLD), source)
    # Nothing says which names are random: the archive is stored once more.
    first, second = reexported(CHEMISTRY), reexported(CHEMISTRY)
    assert fingerprint_of(first, source) != fingerprint_of(second, source)
    html = pack("root", reexported(HTML), datetime.now(UTC))
    assert source.examine(io.BytesIO(html), REQUEST).fingerprint is None


def test_a_document_too_large_to_look_into_is_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labferry_rspace.fingerprint._LARGEST_TEXT", 10)
    assert fingerprint_of(notebook("xml")) != fingerprint_of(notebook("xml"))


LISTS = ("chemdooleImageList", "sketchImageList", "mathList", "ImageAnnotationList")
HOSTILE_DOCUMENTS = {
    "lists that open": b"<mathList>" * 400_000,
    "lists that close": b"</mathList>" * 400_000,
    "lists of every kind": b"".join(b"<%b>" % name.encode() for name in LISTS) * 100_000,
    "names": b"sktch-sktch-sktch-annot" * 200_000,
    "tags": b"<fileName><name><linkFile>" * 150_000,
    "what is shown": b' src="' * 600_000,
    "spaces": b"<td>" + b" " * 4_000_000,
    "rows": b"<td> archiveId </td> <td> " * 150_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("text", first_quick(HOSTILE_DOCUMENTS.values()), ids=HOSTILE_DOCUMENTS)
@pytest.mark.parametrize("ending", [".xml", ".html"])
def test_no_document_takes_long(text: bytes, ending: str) -> None:
    """A scan holds up every other thread: its time has to be linear in the document."""
    document = f"{FOLDER}/{FOLDER}{ending}"
    pictures = {f"{FOLDER}/sktch{number:014}.png": b"" for number in range(2000)}
    manifest = MANIFEST.format(id=" " * 30_000, day="2026-01-02").encode()
    members = {"manifest.txt": manifest, "index.html": text, document: text, **pictures}
    started = time.process_time()
    assert fingerprint_of(members)
    assert time.process_time() - started < 10


def test_names_of_many_folders_take_no_time() -> None:
    members = {f"{number}{'/a' * 30_000}": b"" for number in range(100)}
    members["manifest.txt"] = MANIFEST.format(id="x", day="2026-01-02").encode()
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"root/{name}", content)
    started = time.process_time()
    assert SOURCE.examine(data, REQUEST).members == 101
    assert time.process_time() - started < 10
