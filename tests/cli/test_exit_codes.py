"""Every kind of error ends the process with the code that the documentation gives it."""

import json
import re
from pathlib import Path

import pytest

from labferry.cli.failures import report_failure
from labferry.sdk import LabferryError, StoppedError, errors

KINDS = [getattr(errors, name) for name in errors.__all__ if name != StoppedError.__name__]


def documented(project: Path) -> dict[str, int]:
    """The codes in the drawing that the reference is made from."""
    lines = re.findall(r"(\w+Error) +(\d+)  ", errors.__doc__ or "")
    table = (project / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    meant = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    codes = {name: int(code) for name, code in lines}
    assert set(codes.values()) <= meant
    return codes


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_code_is_the_documented_one(
    kind: type[LabferryError], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = report_failure(kind("What happened.", hint="What to do."), "sync", as_json=True)

    assert code == documented(project)[kind.__name__]
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document["exit_code"] == code
    assert document["problems"] == [{"message": "What happened.", "hint": "What to do."}]
    assert shown.err == "labferry: What happened. What to do.\n"
