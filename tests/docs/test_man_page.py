"""The man page is built from the page about the command line."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from labferry.cli.main import cli


@pytest.fixture(scope="module")
def page(project: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("man")
    only = ("-D", "root_doc=reference/command-line", "-D", "include_patterns=reference/command*")
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-b", "man", *only, project / "docs", folder],
        check=True,
        capture_output=True,
    )
    assert [file.name for file in folder.glob("*.1")] == ["labferry.1"]
    return (folder / "labferry.1").read_text(encoding="utf-8")


def test_it_begins_with_the_command(page: str) -> None:
    assert '.TH "LABFERRY" "1"' in page
    assert re.search(r"^labferry \\- verified backups", page, re.MULTILINE)


def test_every_verb_is_in_it(page: str) -> None:
    shown = page.replace("\\-", "-")
    context = cli.make_context("labferry", ["-h"], resilient_parsing=True)
    for verb in cli.list_commands(context):
        assert f"Usage: labferry {verb} " in shown, verb
