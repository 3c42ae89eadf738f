"""The units and drop-ins on the pages are right, merged with the unit that labferry writes."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.needs import needs_program

needs_systemd = needs_program("systemd-analyze", "systemd")
PROGRAM = "/opt/labferry/bin/labferry"
UNITS = "/etc/systemd/system/"
BLOCK = re.compile(
    r"^```(?:ini|\{code-block\} ini)\n(?::caption: (.+)\n)?((?:.*\n)*?)^```$", re.MULTILINE
)


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """The files that the units on a page are to be written to, and their texts."""
    for name, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        assert name.startswith(UNITS), f"{page.name}: an ini block is a unit, and says which"
        yield name.removeprefix(UNITS), text


def pages(project: Path) -> Iterator[Path]:
    return (path for path in sorted(project.glob("docs/**/*.md")) if [*blocks(path)])


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    # systemd-analyze wants to see the program.
    path.write_text(text.replace(PROGRAM, sys.executable), encoding="utf-8")


def problems(folder: Path, page: Path) -> str:
    """What systemd has to say of the units on a page."""
    units = {"labferry.service"}
    for name, text in blocks(page):
        write(folder / name, text)
        units.add(name.partition(".d/")[0])
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(folder / unit for unit in sorted(units))],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr or not done.returncode
    return done.stderr


@pytest.fixture
def folder(project: Path, tmp_path: Path) -> Path:
    """A folder of units with the example in it."""
    service = project / "examples/systemd/labferry.service"
    write(tmp_path / service.name, service.read_text(encoding="utf-8"))
    return tmp_path


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units_on_a_page(project: Path, folder: Path) -> None:
    found = {page.name: problems(folder, page) for page in pages(project)}
    assert len(found) > 1
    assert set(found.values()) == {""}


@needs_systemd
@pytest.mark.parametrize(
    "line",
    [
        "ExecStopPost=labferry-that-is-nowhere report",
        "ExecStopPsot=/bin/true",
        "ProtectSystem=perhaps",
    ],
)
def test_a_mistake_on_a_page_is_noticed(folder: Path, line: str) -> None:
    page = folder / "page.md"
    name = f"{UNITS}labferry.service.d/x.conf"
    page.write_text(f"```{{code-block}} ini\n:caption: {name}\n[Service]\n{line}\n```\n", "utf-8")
    assert problems(folder, page)


def test_the_report_is_written_where_the_service_may_write(project: Path) -> None:
    (text,) = (text for _, text in blocks(project / "docs/how-to/report.md"))
    program, *arguments = re.findall(r"^ExecStopPost=-(.*)$", text, re.MULTILINE)[0].split()
    assert program == PROGRAM
    (writable,) = re.findall(r"^ReadWritePaths=-(.*)$", text, re.MULTILINE)
    assert Path(arguments[arguments.index("--html") + 1]).parent == Path(writable)
