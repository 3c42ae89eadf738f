"""The units and the cron line in examples/ are right."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

from tests.needs import needs_program

needs_systemd = needs_program("systemd-analyze", "systemd")


def _with_program(unit: Path, folder: Path) -> Path:
    """The unit with a program that is there, as systemd-analyze wants to see it."""
    text = unit.read_text(encoding="utf-8")
    copy = folder / unit.name
    copy.write_text(text.replace("/opt/labferry/bin/labferry", sys.executable), encoding="utf-8")
    return copy


def _analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        check=False,
    )


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units(project: Path, tmp_path: Path) -> None:
    units = [_with_program(u, tmp_path) for u in sorted(project.glob("examples/systemd/*"))]
    assert [unit.name for unit in units] == ["labferry.service", "labferry.timer"]
    done = _analyze("verify", "--man=no", *units)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_systemd_calls_the_service_well_confined(project: Path) -> None:
    service = project / "examples/systemd/labferry.service"
    done = _analyze("security", "--offline=true", "--threshold=20", service)
    assert done.returncode == 0, done.stdout


def test_no_failure_is_made_of_a_run_that_only_is_not_finished(project: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(project / "examples/systemd/labferry.service", encoding="utf-8")
    assert unit["Service"]["SuccessExitStatus"].split() == ["75", "143"]


def test_the_cron_line_has_five_times_a_user_and_the_command(project: Path) -> None:
    text = (project / "examples/cron/labferry").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if re.match(r"[\d*]", line)]
    times_and_user, _, command = line.partition("/")
    assert len(times_and_user.split()) == 6
    assert command == "opt/labferry/bin/labferry sync --config /etc/labferry/labferry.toml"
