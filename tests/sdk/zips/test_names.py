"""The names in a zip file: nothing is unpacked outside, and none meets another."""

import re
import time
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labferry.sdk.zips import UnpackPaths, show_name
from labferry.sdk.zips.names import DEEPEST, LONGEST_NAME

_NASTY = st.sampled_from(
    [*'/\\:.. \0\n\x7f~*?"<>|aAbBß', "..", "./", "C:", "NUL", "con.txt", "Å", "\u212b", "A\u030a"]
)
_NAMES = st.one_of(
    st.text(max_size=40), st.lists(_NASTY, max_size=12).map("".join), st.from_regex(r"[a-b./]{1,9}")
)
_DEVICES = {"CON", "PRN", "AUX", "NUL"} | {
    f"{name}{n}" for name in ("COM", "LPT") for n in range(1, 10)
}
"""Names of Windows that open a device, also where an ending follows."""
_GOOD = [
    "a",
    "a/",
    "a/b.txt",
    "RSpace-2026-01-02-03-04-xml-My Work-JwR/doc_My doc-1707/pic~1 (2).png",
    "…/ü/漢字.xml",
    ".hidden/..two/...three",
    "x" * LONGEST_NAME,
    "console/nullify/com10.txt/AUXILIARY",
    "a name : with colons",
    "'quoted' and \"quoted\"",
    "what? <this> | that*",
    "a family \U0001f468\u200d\U0001f469\u200d\U0001f467.png",
    "\u05d0\u05d1\u05d2.txt",
    "\u0645\u0631\u062d\u0628\u0627.docx",
]
_BAD = [
    "",
    "/",
    "/etc/passwd",
    "//server/share",
    "../a",
    "a/../../b",
    "a/..",
    "a/./b",
    "./a",
    "a//b",
    "a\\b",
    "..\\a",
    "C:a",
    "c:/a",
    "a/C:/b",
    "a\0b",
    "a\nb",
    "a\x1bb",
    "a\x7f",
    "a\x85b",
    "a\u2028b",
    "photo\u202egnp.exe",
    "\ud800",
    "CON",
    "a/nul",
    "a/Nul.txt",
    "com1",
    "LPT9.tar.gz",
    "COM¹",
    "CONIN$",
    "aux .txt",
    "a.",
    "a ",
    "a./b",
    "a... ",
    "x" * (LONGEST_NAME + 1),
    "ü" * (LONGEST_NAME // 2 + 1),
    "/".join("a" * 65),
]


SAME = re.compile(r"~\d+(?=[./]|$)")


def parts_of(name: str) -> tuple[str, ...]:
    return UnpackPaths().choose(name).parts


@pytest.mark.parametrize("name", _GOOD)
def test_a_plain_name_is_kept(name: str) -> None:
    path = UnpackPaths().choose(name)
    assert "/".join(path.parts) == name.removesuffix("/")
    assert not path.is_renamed


@pytest.mark.parametrize("name", _BAD)
def test_a_name_that_could_do_harm_is_changed(name: str) -> None:
    path = UnpackPaths().choose(name)
    assert path.is_renamed
    again = UnpackPaths().choose("/".join(path.parts))
    assert again.parts == path.parts
    assert not again.is_renamed


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("aux.txt", "aux_.txt"),
        ("CON", "CON_"),
        ("Ratio 1\\2.png", "Ratio 1_2.png"),
        ("C:/a", "C_/a"),
        ("a...", "a.._"),
        ("/etc/passwd", "_/etc/passwd"),
        ("../../a", "__/__/a"),
    ],
)
def test_a_changed_name_still_says_what_it_is(name: str, path: str) -> None:
    assert "/".join(parts_of(name)) == path


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".tar.gz", "\U0001f600" * 99 + ".png", "a." + "b" * 400]
)
def test_a_long_name_keeps_its_beginning_and_its_ending(name: str) -> None:
    (part,) = parts_of(name)
    assert len(part.encode()) <= LONGEST_NAME
    assert part[:1] == name[:1]
    assert part.endswith(("~" + part.rpartition("~")[2],))
    if len(name.rpartition(".")[2]) < 9:
        assert part.endswith(name[name.rindex(".") :])
    assert part != parts_of(f"{name[0]}{name}")[0]


@given(_NAMES)
def test_no_path_leads_outside_on_any_system(name: str) -> None:
    parts = parts_of(name)
    assert 0 < len(parts) <= DEEPEST
    inside = PurePosixPath("/root/new", *parts)
    assert inside.is_relative_to("/root/new")
    assert inside.parts[3:] == parts
    windows = PureWindowsPath("C:/root/new", *parts)
    assert windows.is_relative_to("C:/root/new")
    assert not any(PureWindowsPath(part).drive for part in parts)
    assert not any(part.partition(".")[0].rstrip().upper() in _DEVICES for part in parts)
    assert ".." not in parts
    assert "." not in parts
    assert all(0 < len(part.encode()) <= LONGEST_NAME for part in parts)


@given(st.lists(st.tuples(_NAMES, st.booleans()), max_size=8))
def test_all_members_can_be_written_without_a_collision(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, bool]]
) -> None:
    paths, root = UnpackPaths(), tmp_path_factory.mktemp("tree")
    files = 0
    for name, is_folder in members:
        plain = f"{name}/" if is_folder else name.removesuffix("/") or "x"
        if plain.endswith("/") and not is_folder:
            continue
        path = root.joinpath(*paths.choose(plain).parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        if is_folder:
            path.mkdir(exist_ok=True)
        else:
            files += 1
            path.open("xb").close()
    _check_distinct(root)
    found = list(root.rglob("*"))
    assert sum(path.is_file() for path in found) == files
    assert sum(path.is_dir() for path in found) == paths.folders


def _check_distinct(folder: Path) -> None:
    """No two names in a folder are one if case and normalisation do not count."""
    names = [path.name for path in folder.iterdir()]
    folded = {unicodedata.normalize("NFC", name).upper().casefold() for name in names}
    assert len(folded) == len(names)
    for path in folder.iterdir():
        if path.is_dir():
            _check_distinct(path)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a", "a"),
        ("a/b", "a/b"),
        ("a.txt", "A.TXT"),
        ("Straße", "STRASSE"),
        ("\u00e9", "e\u0301"),
        ("A/x", "a/y"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("\ufb01le", "file"),
    ],
)
def test_names_that_are_one_somewhere_are_told_apart(first: str, second: str) -> None:
    paths = UnpackPaths()
    assert not paths.choose(first).is_renamed
    path = paths.choose(second)
    assert path.is_renamed
    assert SAME.sub("", "/".join(path.parts)) == second


def test_a_folder_may_be_listed_before_or_behind_what_is_in_it() -> None:
    paths = UnpackPaths()
    for name in ("a/b/", "a/b/c", "a/", "a/d", "a/b/"):
        assert not paths.choose(name).is_renamed
    assert paths.folders == 2


def test_many_names_that_meet_take_no_time() -> None:
    """Each with every other one, however they are shortened."""
    started, paths = time.process_time(), UnpackPaths()
    chosen = set()
    for number in range(3000):
        name = "x" * 250 + f"{number:05}"
        for _ in range(2):
            chosen.add(paths.choose(name).parts)
        chosen.add(paths.choose("same").parts)
    assert len(chosen) == 9000
    for _ in range(20):
        paths.choose("/" * 65_000)
        paths.choose("a/" * 30_000)
    assert time.process_time() - started < 10


@given(st.text())
def test_a_name_is_shown_so_that_it_can_not_harm_a_terminal(name: str) -> None:
    text = show_name(name)
    assert text.startswith("'")
    assert text.endswith("'")
    assert text.isprintable()
    assert len(text) <= 130


def test_a_name_in_any_script_is_shown_as_it_is() -> None:
    assert show_name("Größe 1\\2 漢字.png") == "'Größe 1\\2 漢字.png'"
    assert show_name("a\x1b[2J\u202eb") == r"'a\x1b[2J\u202eb'"
    assert show_name("x" * 999) == f"'{'x' * 120}...'"
