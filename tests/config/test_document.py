"""On which line each key of a document is set."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labferry.config.document import Document
from labferry.config.problems import KeyPath, dotted
from labferry.sdk.settings import ConfigFile

steadily = settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])

FILE = ConfigFile(Path("/labferry.toml"), private=True)

FILLER = st.lists(
    st.sampled_from(["", "   ", "# a comment", '# [x] = """', "\t# it's"]), max_size=3
)
VALUES = st.sampled_from(
    [
        ["1"],
        ['"text"'],
        ["[1, 2] # ]"],
        ["{ x = 1, y.z = [2] }"],
        ["["],  # completed below: a list over several lines
        ['"""'],  # completed below: a string over several lines
        ["'''"],
    ]
)
SEVERAL_LINES = {
    "[": ["[ # [", "  1,", "", '  "]",', "  # ] no end", "  [2],", "] # the end"],
    '"""': ['"""', "a = 1", "[b]", "''' # ]", "\\u005d", '"""'],
    "'''": ["'''", "a = 1", '["]"]', '"""', "'''"],
}
INLINE_KEYS: list[KeyPath] = [("x",), ("y",), ("y", "z"), ("y", "z", 0)]
KEY_FORMS = st.sampled_from(["{}", "'{}'", '"{} ä."', "{}.in.side", '{}."in.side"'])
HEADERS = st.sampled_from(["[{}]", " [ {} ] # [[x]]", "[[{}]]", "[{}.deep.er]", "[[{}.deep]]", ""])


@dataclass
class _Sample:
    """A document that grows, and the line of every path in it."""

    lines: list[str] = field(default_factory=list)
    expected: dict[KeyPath, int] = field(default_factory=dict)

    def add(self, filler: list[str], statement: list[str]) -> None:
        before = _paths(self.data)
        self.lines += filler
        line = len(self.lines) + 1
        self.lines += statement
        for path in _paths(self.data) - before:
            self.expected[path] = line

    @property
    def data(self) -> dict[str, object]:
        return tomllib.loads("\n".join(self.lines) + "\n")


def _paths(value: object) -> set[KeyPath]:
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    inner = {(part, *path) for part, child in items for path in _paths(child)}
    return {()} | inner


@st.composite
def _samples(draw: st.DrawFn) -> _Sample:
    sample = _Sample()
    for table in range(draw(st.integers(0, 5))):
        header = draw(HEADERS).format(f"t{table}") if table else ""
        repeats = draw(st.integers(1, 3)) if header.startswith("[[") else 1
        for _ in range(repeats):
            if header:
                sample.add(draw(FILLER), [header])
            for key in range(draw(st.integers(0, 3))):
                name = draw(KEY_FORMS).format(f"k{table}-{key}")
                (value,) = draw(VALUES)
                first, *rest = SEVERAL_LINES.get(value, [value])
                sample.add(draw(FILLER), [f"{name} = {first}", *rest])
    sample.lines += draw(FILLER)
    return sample


@steadily
@given(_samples(), st.sampled_from(["", "\n"]))
def test_every_key_is_found_on_the_line_where_its_statement_begins(
    sample: _Sample, end: str
) -> None:
    document = Document(FILE, "\n".join(sample.lines) + end)

    assert {path: document.line_of(path) for path in sample.expected} == sample.expected


@steadily
@given(_samples())
def test_a_missing_key_is_looked_for_in_the_innermost_table_around_it(sample: _Sample) -> None:
    document = Document(FILE, "\n".join(sample.lines))

    for path, line in sample.expected.items():
        assert document.line_of((*path, "missing", 3, "key")) == line


def test_the_file_as_a_whole_is_on_its_first_line() -> None:
    document = Document(FILE, "\n\na = 1\n")

    assert document.line_of(()) == 1
    assert document.line_of(("missing",)) == 1


def test_a_table_is_found_where_its_first_part_is() -> None:
    document = Document(FILE, "a = 1\n[t.inner]\nx = 1\n[t]\ny = 1\n")

    assert document.line_of(("t",)) == 2
    assert document.line_of(("t", "y")) == 5


def test_a_list_of_thousands_of_lines_is_passed_quickly() -> None:
    items = "\n".join(f"  {number}," for number in range(20_000))

    document = Document(FILE, f"a = [\n{items}\n]\nb = 1\n")

    assert document.line_of(("b",)) == 20_003
    assert document.line_of(("a", 19_999)) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("sources", "chem-1", "api_key"), "sources.chem-1.api_key"),
        (("a b", "c.d", ""), '"a b"."c.d".""'),
        (("a", 2, "b", 0), "a[2].b[0]"),
    ],
)
def test_a_key_path_is_written_as_in_toml(path: KeyPath, text: str) -> None:
    assert dotted(path) == text
