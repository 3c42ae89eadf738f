"""A net under all tests: no secret that a test uses may turn up in what labferry lets out.

Searched are what pytest captured of a test, what commands of labferry that it started printed, and
the files below its `tmp_path` that are of a kind which labferry writes. Secrets are the API keys of
the simulated server, whatever labferry itself took for a secret in this process, and what the
environment of a started command, or a configuration that the test wrote, calls a password or the
like.

A test that has reason to show one says so: `@pytest.mark.shows_secrets("why")`.
"""

import os
import re
import subprocess
from collections.abc import Generator, Iterable, Iterator, Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from labferry.sdk import secrets
from labferry.testing.rspace import default_world

MARKER = "shows_secrets(reason): a secret of this test may be seen, for a reason that is given"
_KINDS = ("*.html", "*.json", "*.log", "*.md", "*.prom", "*.service", "ledger.db*")
"""What labferry writes. Key files, which tests write themselves, are called `.txt` or nothing."""
_LARGEST = 4 << 20
_SHORTEST = 8
"""Characters; anything shorter may stand somewhere by chance."""
_TELLING_NAME = re.compile(r"KEY|PASSPHRASE|PASSWORD|SECRET|TOKEN")
_PLAIN = re.compile(
    rb'^ *(api_key|\w*secret\w*|\w*password|passphrase|token) *= *"([^"\n]{8,})"', re.MULTILINE
)
"""A secret in a configuration, in plain text."""
_FOREIGN_RECORD = re.compile(r"^[A-Z]+ +(?!labferry)[\w.]+:\S+:\d+ .*$", re.MULTILINE)
"""A line that a library logged, as pytest shows it: labferry lets out nothing of it unredacted."""
_OTHERS = {"radosgw-admin"}
"""Programs that may be told of labferry, and show the secrets that they are given."""
_OWN_FOLDERS = {"credentials", "secrets"}
"""Where tests keep secrets on purpose, as an administrator does."""


def pytest_configure(config: pytest.Config) -> None:
    """Hang up the net. To be called from the conftest of all tests."""
    config.addinivalue_line("markers", MARKER)
    config.pluginmanager.register(CanaryNet())


class CanaryNet:
    """Watches one test after the other."""

    def __init__(self) -> None:
        self._patches = pytest.MonkeyPatch()
        self._secrets: dict[str, str] = {}
        self._printed: list[bytes] = []
        self._environments: dict[int, Mapping[str, str]] = {}

    def pytest_sessionstart(self) -> None:
        """From now on, look at what commands print."""
        begin, communicate = subprocess.Popen.__init__, subprocess.Popen.communicate

        def beginning(process: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as Popen
            begin(process, *args, **kwargs)
            self._environments[id(process)] = kwargs.get("env") or {}

        def communicating(process: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as Popen
            printed = communicate(process, *args, **kwargs)
            self._heard(process, printed)
            return printed

        self._patches.setattr(subprocess.Popen, "__init__", beginning)
        self._patches.setattr(subprocess.Popen, "communicate", communicating)

    def pytest_sessionfinish(self) -> None:
        """Leave everything as it was."""
        self._patches.undo()

    def pytest_runtest_logstart(self) -> None:
        """The next test."""
        self._secrets = {}
        self._printed = []
        self._environments.clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A find is a failure of the test, told once it is over."""
        report = yield
        self._secrets |= _secrets_of_this_process()
        if report.when == "teardown":
            marker = item.get_closest_marker("shows_secrets")
            if not (marker and marker.args) and (finds := [*self._finds(item, report)]):
                report.outcome = "failed"
                report.longrepr = "\n".join([f"{item.nodeid}: secrets were seen:", *finds])
        return report

    def _finds(self, item: pytest.Item, report: pytest.TestReport) -> Iterator[str]:
        folder = getattr(item, "funcargs", {}).get("tmp_path")
        known = {**_api_keys(), **self._secrets, **_plain_secrets(folder)}
        for where, content in self._contents(report, folder):
            for secret, name in known.items():
                if secret.encode() in content:
                    yield f"  {where}: {name}"

    def _contents(self, report: pytest.TestReport, folder: object) -> Iterator[tuple[str, bytes]]:
        for title, text in report.sections:
            yield title, _FOREIGN_RECORD.sub("", text).encode(errors="replace")
        for printed in self._printed:
            yield "the output of a command", printed
        for path in _files(folder, _KINDS):
            yield str(path), path.read_bytes()

    def _heard(
        self, process: "subprocess.Popen[Any]", printed: Iterable[str | bytes | None]
    ) -> None:
        # A path, a line for a shell, or a list of words.
        words = str(process.args)
        if "labferry" not in words or any(other in words for other in _OTHERS):
            return
        environment = self._environments.pop(id(process), {})
        self._secrets |= {
            value: f"${name}"
            for name, value in environment.items()
            if _TELLING_NAME.search(name) and len(value) >= _SHORTEST and not value.startswith("/")
        }
        for text in printed:
            content = text.encode(errors="replace") if isinstance(text, str) else text or b""
            self._printed.append(content)


@cache
def _api_keys() -> Mapping[str, str]:
    return {user.key: f"the API key of {user.username}" for user in default_world().users}


def _secrets_of_this_process() -> Mapping[str, str]:
    return {
        secret: f"what labferry was given as a secret, of {len(secret)} characters"
        for secret in secrets._seen
        if len(secret) >= _SHORTEST
    }


def _plain_secrets(folder: object) -> Mapping[str, str]:
    return {
        secret.decode(errors="replace"): f"{key.decode()} in {path.name}"
        for path in _files(folder, ("*.toml",))
        for key, secret in _PLAIN.findall(path.read_bytes())
    }


def _files(folder: object, kinds: Iterable[str]) -> Iterator[Path]:
    if not isinstance(folder, Path):
        return
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _OWN_FOLDERS]
        for name in names:
            path = Path(root, name)
            if any(fnmatch(name, kind) for kind in kinds) and _is_readable(path):
                yield path


def _is_readable(path: Path) -> bool:
    """Tests leave pipes, links to nowhere and files that nobody may read, too."""
    return (
        path.is_file()
        and not path.is_symlink()
        and path.stat().st_size <= _LARGEST
        and os.access(path, os.R_OK)
    )
