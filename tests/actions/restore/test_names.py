"""The names in a zip file: nothing is written outside, and none meets another."""

import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from labferry.copies.extract_names import LONGEST_NAME, Tree, parts_of, shown
from labferry.sdk import IntegrityError

_NASTY = st.sampled_from(
    [*'/\\:.. \0\n\x7f~*?"<>|aAbBß', "..", "./", "C:", "NUL", "con.txt", "Å", "\u212b", "A\u030a"]
)
_NAMES = st.one_of(
    st.text(max_size=40), st.lists(_NASTY, max_size=12).map("".join), st.from_regex(r"[a-b./]{1,9}")
)
_GOOD = [
    "a",
    "a/",
    "a/b.txt",
    "RSpace-2026-01-02-03-04-xml-My Work-JwR/doc_My doc-1707/pic~1 (2).png",
    "…/ü/漢字.xml",
    ".hidden/..two/three...",
    "x" * LONGEST_NAME,
    "console/nullify/com10.txt/AUXILIARY",
    "a name : with colons",
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
    "x" * (LONGEST_NAME + 1),
    "ü" * (LONGEST_NAME // 2 + 1),
    "/".join("a" * 65),
]


@pytest.mark.parametrize("name", _GOOD)
def test_a_plain_name_is_taken(name: str) -> None:
    assert "/".join(parts_of(name)) == name.removesuffix("/")


@pytest.mark.parametrize("name", _BAD)
def test_a_name_that_could_do_harm_is_refused(name: str) -> None:
    with pytest.raises(IntegrityError, match="The member '"):
        parts_of(name)


@given(_NAMES)
def test_no_name_leads_outside_on_any_system(name: str) -> None:
    try:
        parts = parts_of(name)
    except IntegrityError:
        return
    assert parts
    inside = PurePosixPath("/root/new", *parts)
    assert inside.is_relative_to("/root/new")
    assert inside.parts[3:] == parts
    windows = PureWindowsPath("C:/root/new", *parts)
    assert windows.is_relative_to("C:/root/new")
    assert not any(PureWindowsPath(part).drive for part in parts)
    assert ".." not in parts
    assert "." not in parts
    assert all(0 < len(part.encode()) <= LONGEST_NAME for part in parts)


@given(st.lists(st.tuples(_NAMES, st.booleans()), max_size=8))
def test_what_a_tree_takes_can_be_written_without_a_collision(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, bool]]
) -> None:
    tree, taken = Tree(), []
    for name, is_folder in members:
        try:
            parts = parts_of(name)
            tree.add(parts, is_folder=is_folder)
        except IntegrityError:
            return
        taken.append((parts, is_folder))
    root = tmp_path_factory.mktemp("tree")
    for parts, is_folder in taken:
        path = root.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        if is_folder:
            path.mkdir(exist_ok=True)
        else:
            path.open("xb").close()
    _check_distinct(root)


def _check_distinct(folder: Path) -> None:
    """No two names in a folder are one where case and normalisation do not count."""
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
        ("a", "a."),
        ("a", "a "),
        ("\ufb01le", "file"),
    ],
)
def test_names_that_are_one_somewhere_are_refused(first: str, second: str) -> None:
    tree = Tree()
    tree.add(parts_of(first), is_folder=False)
    with pytest.raises(IntegrityError):
        tree.add(parts_of(second), is_folder=False)


def test_a_folder_may_be_listed_before_or_behind_what_is_in_it() -> None:
    tree = Tree()
    for name in ("a/b/", "a/b/c", "a/", "a/d"):
        tree.add(parts_of(name), is_folder=name.endswith("/"))


@given(st.text())
def test_a_name_is_shown_so_that_it_can_not_harm_a_terminal(name: str) -> None:
    assume(name)
    text = shown(name)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= 130
