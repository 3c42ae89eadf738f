"""`labferry status` and `labferry list` keep to a terminal's width, and are whole elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.speed import first_quick

from labferry.testing.rspace import SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Source
    from tests.lab import Done, Lab

pytestmark = pytest.mark.slow

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WIDTHS = [60, 80, 120]
STATUS = (
    *("SOURCE", "WORK OF", "DESTINATION", "LAST SUCCESS (UTC)", "AGE", "SIZE", "COPIES"),
    *("LAST VERIFIED (UTC)", "NEXT DUE (UTC)", "STATE"),
)
LIST = (
    *("ARCHIVE", "WORK OF", "SOURCE", "DESTINATION", "TAKEN (UTC)", "AGE", "SIZE", "SHA-256"),
    "VERIFIED",
)
STATUS_AT = {
    40: ("SOURCE", "DESTINATION", "AGE", "STATE"),
    60: ("SOURCE", "WORK OF", "DESTINATION", "AGE", "STATE"),
    80: ("SOURCE", "WORK OF", "DESTINATION", "LAST SUCCESS (UTC)", "AGE", "STATE"),
    120: tuple(name for name in STATUS if name != "NEXT DUE (UTC)"),
    140: STATUS,
}
LIST_AT = {
    60: ("ARCHIVE", "WORK OF", "DESTINATION"),
    80: ("ARCHIVE", "WORK OF", "DESTINATION", "TAKEN (UTC)"),
    120: tuple(name for name in LIST if name != "SHA-256"),
    140: LIST,
}


@pytest.fixture
def damaged(lab: Lab, server: SimulatedRSpace, source: Source) -> Lab:
    """A laboratory whose second sync could not reach one of its destinations."""
    lab.write({"lab": source(server)}, {"nas": {"verify": {"every": "30d"}}, "offsite": {}})
    for name in ("nas", "offsite"):
        lab.destination(name).mkdir()
    assert lab.run("sync").code == 0
    lab.destination().rename(lab.folder / "aside")
    assert lab.run("sync").code == 3
    (lab.folder / "aside").rename(lab.destination())
    return lab


def _lines(done: Done) -> list[str]:
    assert done.code == 0, done.out
    return ESCAPE.sub("", done.out).splitlines()


def _at(lab: Lab, width: int, *arguments: str) -> list[str]:
    lab.environment["COLUMNS"] = str(width)
    return _lines(lab.run_on_terminal(*arguments))


def _columns(line: str) -> tuple[str, ...]:
    return tuple(re.split(r"\s{2,}", line))


@pytest.mark.parametrize("width", first_quick(STATUS_AT))
def test_status_leaves_out_what_matters_least(damaged: Lab, width: int) -> None:
    head, nas, offsite, empty, *told = _at(damaged, width, "status")

    assert _columns(head) == STATUS_AT[width]
    assert all(len(line) <= width for line in (head, nas, offsite))
    assert (_columns(nas)[-1], _columns(offsite)[-1], empty) == ("failed", "ok", "")
    paragraph = " ".join(line.strip() for line in told)
    assert paragraph.startswith("- lab at nas: 1 pending. There is no folder")
    assert paragraph.endswith(f"mkdir -p {damaged.destination()}")
    assert all(len(line) <= width for line in told if str(damaged.folder) not in line)


@pytest.mark.parametrize("width", first_quick(LIST_AT))
def test_list_leaves_out_what_matters_least(damaged: Lab, width: int) -> None:
    head, *rows = _at(damaged, width, "list")

    assert _columns(head) == LIST_AT[width]
    assert all(len(line) <= width for line in (head, *rows))
    assert len(rows) == 3
    assert _columns(rows[0])[0] == damaged.archives()[0].stem


def test_list_on_a_terminal_that_is_too_narrow_for_any_table_has_two_lines_each(
    damaged: Lab,
) -> None:
    first, second, *_ = _at(damaged, 30, "list")

    assert (first, second) == (damaged.archives()[0].stem, "  Alice Ames (alice), nas")


def test_whole_digests_are_shown_to_whoever_asks_for_them(damaged: Lab) -> None:
    shown = "\n".join(_at(damaged, 60, "list", "-v"))

    assert len(re.findall(r"\b[0-9a-f]{64}\b", shown)) == 3


@pytest.mark.parametrize("width", first_quick(WIDTHS))
def test_off_a_terminal_nothing_is_left_out(damaged: Lab, width: int) -> None:
    damaged.environment["COLUMNS"] = str(width)

    listed, (head, nas, _, empty, told) = (_lines(damaged.run(verb)) for verb in ("list", "status"))

    assert _columns(listed[0]) == LIST
    assert (_columns(head), _columns(nas)[-1], empty) == (STATUS, "failed", "")
    assert told.startswith("- lab at nas: 1 pending. There is no folder")
    assert told.endswith(f"mkdir -p {damaged.destination()}")


@pytest.mark.parametrize("width", first_quick(WIDTHS))
def test_strays_keep_to_the_width_too(damaged: Lab, width: int) -> None:
    (damaged.destination() / "holiday.jpg").write_bytes(b"sun")

    lines = _at(damaged, width, "list", "--all")

    assert lines[-1].endswith("holiday.jpg")
    assert all(len(line) <= width for line in lines)
