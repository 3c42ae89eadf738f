"""Small faults, planted one by one in the modules that matter most: does a test notice?

`tox -e mutants -- retention` plants those of one target, without names it says what there is. It
takes from minutes to an hour. The faults are mutmut's. Here is what mutmut lacks for this project:
it wants all packages in one folder `src`, leaves out every method with a decorator, and does not
know which faults that no test notices are known, and why.

Exit code 1 if more than 5 % of a target's faults were neither noticed nor explained.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, chdir
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.servers.seaweedfs import SHARED, SeaweedFS

from .targets import TARGETS, Target

_PROJECT = Path(__file__).resolve().parent.parent.parent
_KNOWN = Path(__file__).with_name("survivors.toml")
_MUTMUT = (f"{sysconfig.get_path('scripts')}/mutmut",)
_UNEXPLAINED = 0.05
_NOTICED = {"killed", "timeout"}
_OVERRIDE = re.compile(r"^ *@override\n", re.MULTILINE)
_WORDS = (r"^\s*raise \w+\($", r"^\s*_log\.", r"^\s*(hint=|return )?[rf]?\"", r"^\s*hint=")
"""Lines of messages and of the log: a fault in their words is none that matters here."""


@dataclass(frozen=True)
class Fault:
    """A fault that no test noticed.

    Attributes:
        function: Where it is: module, class and function.
        was: The lines as they are.
        became: The lines with the fault.
    """

    function: str
    was: str
    became: str


def main() -> int:
    """Plant the faults of some targets, one target after the other."""
    parser = argparse.ArgumentParser(prog="tox -e mutants --", description="Plant small faults.")
    parser.add_argument("--folder", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many at a time")
    parser.add_argument("--again", action="store_true", help="only those that went unnoticed")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    chosen = parser.parse_args()
    if not chosen.targets or {*chosen.targets} - {*TARGETS}:
        parser.error(f"name some of these: {', '.join(TARGETS)}")
    os.nice(10)
    is_enough = True
    for name in chosen.targets:
        work = Work(TARGETS[name], chosen.folder / name, chosen.processes)
        work.plant(again=chosen.again)
        is_enough &= work.judge(name)
    return 0 if is_enough else 1


@dataclass(frozen=True)
class Work:
    """One target at work.

    Attributes:
        target: The target.
        folder: Where mutmut works.
        processes: How many faults to try at a time.
    """

    target: Target
    folder: Path
    processes: int

    def plant(self, *, again: bool) -> None:
        """Plant the faults; only those that no test noticed the last time, if that is asked for."""
        if not again:
            shutil.rmtree(self.folder, ignore_errors=True)
        _lay_out(self.target, self.folder)
        with ExitStack() as stack:
            environment = dict(os.environ)
            if self.target.needs_s3:
                home = Path(stack.enter_context(TemporaryDirectory()))
                server = stack.enter_context(SeaweedFS(home).running())
                environment[SHARED] = str(server.s3_port)
            run = [*_MUTMUT, "run", "--max-children", str(self.processes)]
            subprocess.run(run, cwd=self.folder, env=environment, check=True)
            if again and (names := self._unnoticed()):
                subprocess.run([*run, *names], cwd=self.folder, env=environment, check=True)

    def judge(self, name: str) -> bool:
        """Say what became of the faults; whether few enough are neither noticed nor explained."""
        known, left = _known(), self._faults(self._unnoticed())
        unexplained = [each for each in left if each not in known]
        for fault in unexplained:
            _say(f"{fault.function}\n- {fault.was}\n+ {fault.became}")
        count = len(self._results())
        share = len(unexplained) / max(1, count)
        _say(
            f"{name}: {count} faults, {count - len(left)} noticed, "
            f"{len(left) - len(unexplained)} explained, {len(unexplained)} neither ({share:.1%}). "
            f"{dict(Counter(self._results().values()))}"
        )
        return share <= _UNEXPLAINED

    def _results(self) -> Mapping[str, str]:
        """What became of each fault, by mutmut's name for it."""
        parts = [line.strip().rpartition(": ") for line in self._lines("results", "--all", "true")]
        return {name: status for name, _, status in parts}

    def _unnoticed(self) -> Sequence[str]:
        return [name for name, status in self._results().items() if status not in _NOTICED]

    def _faults(self, names: Sequence[str]) -> Sequence[Fault]:
        with chdir(self.folder):
            # `mutmut show` does the same, and takes a second for each.
            shown = import_module("mutmut.mutation.diff_apply")
            import_module("mutmut.configuration").reset_config()
            diffs = [
                shown.get_diff_for_mutant(name, path=shown.find_mutant(name).path) for name in names
            ]
        return [_fault(*each) for each in zip(names, diffs, strict=True)]

    def _lines(self, *arguments: str) -> Sequence[str]:
        done = subprocess.run(
            [*_MUTMUT, *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
        return done.stdout.splitlines()


def _lay_out(target: Target, folder: Path) -> None:
    """All packages in one folder, beside the tests, with a configuration for mutmut."""
    source = folder / "src"
    ignored = shutil.ignore_patterns("__pycache__")
    for package in (*(_PROJECT / "core").iterdir(), *(_PROJECT / "plugins").iterdir()):
        if package.is_dir():
            shutil.copytree(package, source / package.name, ignore=ignored, dirs_exist_ok=True)
    shutil.copytree(_PROJECT / "tests", folder / "tests", ignore=ignored, dirs_exist_ok=True)
    for module in target.modules:
        for file in source.glob(module):
            # It only says what mypy checks, and mutmut leaves out what has a decorator.
            file.write_text(_OVERRIDE.sub("", file.read_text()))
    options = {
        "source_paths": ["src"],
        "only_mutate": [f"src/{module}" for module in target.modules],
        "do_not_mutate_patterns": _WORDS,
        # Tests start threads, and a process that has some must not be forked.
        "process_isolation": "forkserver",
        "pytest_add_cli_args": ["-p", "no:cacheprovider", *_selection(target)],
        "pytest_add_cli_args_test_selection": target.tests,
        "timeout_constant": 8.0,
        "timeout_multiplier": 4.0,
        "use_git_change_detection": False,
    }
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in options.items()]
    settings = (_PROJECT / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(f"{settings}\n[tool.mutmut]\n{''.join(lines)}")


def _selection(target: Target) -> Sequence[str]:
    return ["-k", target.left_out] if target.left_out else []


def _fault(name: str, diff: str) -> Fault:
    lines = [line for line in diff.splitlines() if line[:3] not in {"---", "+++"}]
    was, became = (
        " ".join(line[1:].strip() for line in lines if line[:1] == sign) for sign in "-+"
    )
    module, _, function = name.rpartition(".")
    # A function's name begins with `x_`; of a method, the parts stand between such letters.
    function = function.partition("__mutmut_")[0][2:].replace("ǁ", ".")
    return Fault(f"{module}.{function}", was, became)


def _say(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


def _known() -> set[Fault]:
    groups = tomllib.loads(_KNOWN.read_text(encoding="utf-8")).get("because", [])
    return {
        Fault(group["function"], was, became) for group in groups for was, became in group["faults"]
    }


if __name__ == "__main__":
    sys.exit(main())
