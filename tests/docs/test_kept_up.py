"""The pages about the output, about metrics and about threats keep up with the code."""

import json
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import get_type_hints

import pytest

from labferry.cli.documents import CONTENT, LogLine, output_schema
from labferry.sdk import RunReport
from labferry_notify.exposition import families


@pytest.fixture
def sections(project: Path) -> dict[str, str]:
    """The parts of the page about JSON, by their headings."""
    text = (project / "docs/reference/json-output.md").read_text(encoding="utf-8")
    _, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    found = {part.partition("\n")[0]: part for part in parts}
    assert len(found) == len(parts), "a heading is there twice"
    return found


@pytest.mark.parametrize("command", CONTENT)
def test_every_field_of_a_document_is_described(command: str, sections: dict[str, str]) -> None:
    described = "".join(part for head, part in sections.items() if head.startswith(command))
    if command == "demo":
        described += sections["sync"]
    names = {name for kind in CONTENT[command] for name in get_type_hints(kind)}
    assert [name for name in sorted(names) if f"`{name}`" not in described] == []


def test_every_field_of_a_log_line_is_described(sections: dict[str, str]) -> None:
    text = sections["Log lines"]
    assert [name for name in LogLine.__annotations__ if f"`{name}`" not in text] == []


def test_every_field_in_a_table_is_there(sections: dict[str, str]) -> None:
    schema = output_schema()
    known = {name for part in schema["$defs"].values() for name in part.get("properties", ())}
    values = {value for part in schema["$defs"].values() for value in part.get("enum", ())}
    rows = re.findall(r"^\| (`.*?) \|", "".join(sections.values()), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}
    assert len(told) > 10
    assert told - known - values == set()


def test_every_metric_in_a_rule_is_one_that_is_written(project: Path) -> None:
    page = (project / "docs/how-to/monitor.md").read_text(encoding="utf-8")
    named = {*re.findall(r"\blabferry_(\w+)", page)}
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    written = {family.name for family in families(RunReport(1, moment, moment, 0, (), ()))}
    assert len(named) > 5
    assert named - written == set()


def test_every_extra_is_on_the_page_about_installing(project: Path) -> None:
    build = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    page = (project / "docs/how-to/install.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    # `testing` is for authors of plugins.
    assert {"all", "testing", *named} == set(build["project"]["optional-dependencies"])


def test_every_threat_has_a_test_that_is_there(project: Path) -> None:
    text = (project / "docs/explanation/security.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    rows = [line for line in lines if not line.endswith("| shown by |")]
    shown = [re.fullmatch(r"\| .* \| ((?:`[\w/]+\.py`(?:, )?)+) \|", row) for row in rows]
    assert len(rows) > 10
    assert all(shown)
    named = [name for m in shown if m for name in re.findall(r"`([^`]+)`", m[1])]
    assert [name for name in named if not (project / "tests" / name).is_file()] == []


def test_the_figures_of_the_benchmarks_are_those_of_a_full_run(project: Path) -> None:
    file = project / "docs/explanation/performance.json"
    run = json.loads(file.read_text(encoding="utf-8"))
    assert run["scale"] == 1
    assert run["rounds"] >= 3
    assert len(run["rows"]) > 10
    assert len(run["curves"]) == 3


def test_the_plugin_api_can_be_read_without_sphinx_and_is_up_to_date(project: Path) -> None:
    command = [sys.executable, "docs/from_code/api_text.py", "--check"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
