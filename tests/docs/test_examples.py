"""Every example in the documentation works, at a terminal, against a simulated server."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from tests.paths import ROOT

from labferry.config import Kinds, load_config
from labferry.plugins import load_plugins
from labferry.testing.rspace import ALICE_KEY, JobTiming, Options, SimulatedRSpace

_PAGES = sorted(
    path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
)
_FENCE = re.compile(r"^```(?P<info>.*)\n(?P<body>(?:.*\n)*?)^```$", re.MULTILINE)
_CODE_BLOCK = re.compile(r"\{code-block\} (\w+)")
_CAPTION = re.compile(r":caption: (.+)\n")
_SERVER = "https://rspace.example.edu"
_HOME = "/home/ana"
_TABLES = {
    "sources": '[sources.notebook]\ntype = "rspace"\nurl = "https://rspace.example.edu"\n'
    'api_key = { env = "RSPACE_API_KEY" }\n',
    "destinations": '[destinations.nas]\ntype = "local"\npath = "nas"\n',
}


@dataclass(frozen=True)
class Example:
    """A block of code on a page; `file` is what its caption calls it."""

    language: str
    text: str
    file: str | None
    place: str


class Sandbox:
    """A home folder in which a page's examples are run.

    Pages name a server and a home folder; both are replaced on the way in and on the way out.
    """

    def __init__(self, home: Path, server: SimulatedRSpace) -> None:
        self.home = home
        self._server = server
        self._exit_code = 0

    def write(self, name: str, text: str) -> Path:
        path = self.home / name.removeprefix("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._real(text), encoding="utf-8")
        return path

    def run(self, command: str) -> tuple[int, str]:
        """Run a line in a shell at a terminal; `$?` is the exit code of the line before."""
        ours, terminal = os.openpty()
        with subprocess.Popen(
            ["bash", "-c", f"(exit {self._exit_code}); {self._real(command)}"],  # noqa: S607 - any bash
            cwd=self.home,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
        ) as process:
            os.close(terminal)
            output = _read_all(ours).decode()
        self._exit_code = process.returncode
        return process.returncode, self._shown(output.replace("\r\n", "\n"))

    def _real(self, text: str) -> str:
        """Nobody waits a minute for an export of the simulated server."""
        quick = text.replace('type = "rspace"', 'type = "rspace"\npoll_interval = "50ms"')
        return quick.replace(_SERVER, self._server.url).replace(_HOME, str(self.home))

    def _shown(self, text: str) -> str:
        return text.replace(str(self.home), _HOME).replace(self._server.url, _SERVER)

    def _environment(self) -> Mapping[str, str]:
        return {
            "COLUMNS": "100",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "RSPACE_API_KEY": ALICE_KEY,
            "TERM": "dumb",
        }


def _read_all(terminal: int) -> bytes:
    """What was printed until everybody has closed the other end, which is an error to Linux."""
    output = bytearray()
    with suppress(OSError):
        while chunk := os.read(terminal, 65536):
            output += chunk
    os.close(terminal)
    return bytes(output)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    key = tmp_path / "rspace.key"
    key.touch(mode=0o600)
    key.write_text(ALICE_KEY, encoding="utf-8")
    timing = JobTiming(queue=0.05, run=0.05)
    with SimulatedRSpace(options=Options(timing=timing)) as server:
        yield Sandbox(tmp_path, server)
        assert server.errors == []


@pytest.mark.parametrize("page", _PAGES)
def test_every_example_on_a_page_works(page: str, sandbox: Sandbox) -> None:
    for example in _examples(page):
        assert example.language in _CHECKS, f"{example.place}: what is {example.language!r}?"
        _CHECKS[example.language](example, sandbox)


def test_the_json_document_on_the_page_has_the_fields_of_a_real_one(sandbox: Sandbox) -> None:
    sandbox.write("labferry.toml", "\n".join(_TABLES.values()))
    code, _ = sandbox.run("mkdir nas && labferry sync --json > document.json")
    assert code == 0
    real = json.loads((sandbox.home / "document.json").read_text(encoding="utf-8"))
    shown = [e for e in _examples("docs/reference/json-output.md") if e.language == "json"]
    assert [_fields(json.loads(example.text)) for example in shown] == [_fields(real)]


def _fields(value: object) -> object:
    if isinstance(value, dict):
        return {key: _fields(inner) for key, inner in value.items()}
    return [_fields(inner) for inner in value] if isinstance(value, list) else None


def _examples(page: str) -> Iterator[Example]:
    text = (ROOT / page).read_text(encoding="utf-8")
    for fence in _FENCE.finditer(text):
        directive = _CODE_BLOCK.fullmatch(fence["info"])
        if fence["info"].startswith("{") and not directive:
            continue
        caption = _CAPTION.match(fence["body"])
        yield Example(
            language=directive[1] if directive else fence["info"],
            text=fence["body"][caption.end() :] if caption else fence["body"],
            file=caption[1] if caption else None,
            place=f"{page}:{text.count(chr(10), 0, fence.start()) + 1}",
        )


def _check_console(example: Example, sandbox: Sandbox) -> None:
    steps = [*_steps(example.text), ("", "")]
    for (command, expected), (following, _) in pairwise(steps):
        code, output = sandbox.run(command)
        told = f"{example.place}: {command} exits {code} and prints\n{output}"
        assert code == 0 or following == "echo $?", told
        assert re.fullmatch(_pattern(expected), _without_numbers(output)), told


def _steps(text: str) -> Iterator[tuple[str, str]]:
    before, *steps = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert not before, "a console block begins with a command"
    for step in steps:
        command, _, expected = step.partition("\n")
        yield command, expected


def _pattern(expected: str) -> str:
    """What an output must match: a line `...` is any lines, and a number is any other."""
    literal = re.escape(_without_numbers(expected))
    return literal.replace(re.escape("...\n"), r"(?s:.*)")


def _without_numbers(text: str) -> str:
    """Numbers made the same, and columns as wide as they need to be."""
    text = re.sub(r" +", " ", text)
    without_hashes = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
    without_units = re.sub(r"\d+(\.\d+)? (B|bytes|[kMG]B|s|min)\b", "0", without_hashes)
    return re.sub(r"\d+", "0", without_units)


def _check_toml(example: Example, sandbox: Sandbox) -> None:
    if example.file:
        sandbox.write(example.file, example.text)
    given = tomllib.loads(example.text)
    if "project" in given:
        return
    missing = [text for section, text in _TABLES.items() if section not in given]
    plugins = load_plugins()
    config = load_config(
        sandbox.write("whole.toml", "\n".join([example.text, *missing])),
        Kinds(plugins.sources, plugins.sinks, plugins.broken, plugins.observers),
    )
    assert (config.warnings, config.notices) == ((), ()), example.place


def _check_python(example: Example, sandbox: Sandbox) -> None:
    path = sandbox.home / (example.file or "example.py")
    path.write_text(example.text, encoding="utf-8")
    _succeed([sys.executable, path.name], example, cwd=sandbox.home)


def _check_shell(example: Example, sandbox: Sandbox) -> None:
    _succeed(["bash", "-n"], example, cwd=sandbox.home)


def _succeed(command: list[str], example: Example, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, input=example.text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{example.place}: {done.stderr}"


def _check_json(example: Example, _: Sandbox) -> None:
    assert json.loads(example.text), example.place


def _check_yaml(example: Example, _: Sandbox) -> None:
    assert yaml.safe_load(example.text), example.place


def _look_only(example: Example, _: Sandbox) -> None:
    assert example.text.strip(), example.place


_CHECKS: Mapping[str, Callable[[Example, Sandbox], None]] = {
    "console": _check_console,
    "ini": _look_only,  # by test_units.py, and closely
    "json": _check_json,
    "py": _look_only,  # made from the code
    "python": _check_python,
    "sh": _check_shell,
    "text": _look_only,
    "toml": _check_toml,
    "yaml": _check_yaml,
}
