"""The errors and the exit codes they lead to."""

import inspect

from labferry.sdk import LabferryError, StoppedError


def errors() -> str:
    """A table of all error classes, each below the one it belongs to."""
    rows = ["| error | exit code | meaning |", "|---|---|---|", *_rows(LabferryError, 0)]
    return "\n".join(rows)


def _rows(kind: type[LabferryError], depth: int) -> list[str]:
    meaning = (inspect.getdoc(kind) or "").splitlines()[0]
    code = "130, 143" if issubclass(kind, StoppedError) else str(kind.exit_code)
    rows = [f"| {'— ' * depth}`{kind.__name__}` | {code} | {meaning} |"]
    for child in kind.__subclasses__():
        if child.__module__ == kind.__module__:
            rows += _rows(child, depth + 1)
    return rows
