"""A laboratory that backs its notebook up every night, and a terminal to watch it at."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from labferry.testing.rspace import (
    ALICE_KEY,
    PI_KEY,
    BigArchive,
    Fault,
    JobTiming,
    SimulatedRSpace,
    Slow,
)

from .moved import moved
from .terminal import Recording, record

_FIRST = datetime(2026, 1, 31, 2, tzinfo=UTC)
_NIGHTS = 30
_WEEK = 7
_SILENT, _AWAY = 8, 17
"""The nights in which the server lets nobody in, and in which one destination is not there."""
_EXPECTED = {0, 3, 5}
"""How runs end: well, in part, and where the server does not let anybody in."""
_ROOT = Path(__file__).parents[2]
_CONFIG = """\
state_dir = "state"

[sources.chem]
type = "rspace"
url = "{url}"
api_key = {{ file = "alice.key" }}
poll_interval = "100ms"

[sources.bio]
type = "rspace"
url = "{url}"
api_key = {{ file = "pi.key" }}
scope = "group"
poll_interval = "100ms"

[destinations.nas]
type = "local"
path = "nas"
bandwidth_limit = "{rate}"

[destinations.offsite]
type = "local"
path = "offsite"
bandwidth_limit = "{rate}"
verify = {{ every = "30d" }}
retention = {{ keep_daily = 14, keep_weekly = 8 }}
"""


class Laboratory:
    """A server, a configuration for it, and two folders that stand for destinations.

    Args:
        home: An empty folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._server = SimulatedRSpace()
        self._now = _FIRST

    def __enter__(self) -> Self:
        self._server.start()
        for name in ("nas", "offsite", "work"):
            (self._home / name).mkdir()
        for name, key in (("alice", ALICE_KEY), ("pi", PI_KEY)):
            file = self._home / f"{name}.key"
            file.touch(mode=0o600)
            file.write_text(key, encoding="utf-8")
        self._write_config("1 GB/s")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()

    def live_through_a_month(self) -> None:
        """Sync every night and verify every week; some nights something is out of order."""
        for night in range(_NIGHTS):
            self._now = _FIRST + timedelta(days=night)
            size = 1_400_000 + 35_000 * night + 9_000 * (night % 4)
            self._server.options.archives = [BigArchive(size)]
            self._server.options.timing = JobTiming(run=0.1 + 0.1 * (night % 4))
            self._server.options.api_enabled = night != _SILENT
            with self.away() if night == _AWAY else nullcontext():
                self._call("sync")
            if night % _WEEK == _WEEK - 1:
                self._now += timedelta(hours=4)
                self._call("verify")
        self._now += timedelta(hours=4)

    @contextmanager
    def away(self) -> Iterator[None]:
        """One destination can't be reached."""
        (self._home / "nas").rename(self._home / "away")
        yield
        (self._home / "away").rename(self._home / "nas")

    def record(self, command: str, columns: int = 100) -> Recording:
        """Run a command at a terminal, and take down what is to be seen.

        Transfers are slow enough to be watched.

        Args:
            command: The command.
            columns: How wide the terminal is.
        """
        self._server.options.archives = [BigArchive(24_000_000)]
        self._server.options.timing = JobTiming(queue=0.2, run=2.0)
        self._server.faults.add(Fault("download", Slow(12_000_000), times=2))
        self._write_config("16 MB/s")
        arguments = [sys.executable, "-m", "docs.pictures.moved", self._now.isoformat()]
        arguments += command.split()[1:]
        recording = record(command, columns, arguments, self._home, _environment(columns))
        self._now += timedelta(hours=1)
        for real, shown in self._names():
            recording = recording.with_other(real, shown)
        return recording

    def report(self) -> str:
        """The page of `labferry report`."""
        file = self._home / "report.html"
        self._call("report", "--html", str(file))
        page = file.read_text(encoding="utf-8")
        for real, shown in self._names():
            page = page.replace(real, shown)
        return page

    def _names(self) -> list[tuple[str, str]]:
        """What is another at each call, and what is shown instead."""
        url, host = self._server.url, "rspace.example.edu"
        return [
            (str(self._home), "/home/ana"),
            (url, f"https://{host}"),
            (url.partition("://")[2], host),
        ]

    def _write_config(self, rate: str) -> None:
        text = _CONFIG.format(url=self._server.url, rate=rate)
        (self._home / "labferry.toml").write_text(text, encoding="utf-8")

    def _call(self, *arguments: str) -> None:
        """Call labferry where nobody looks."""
        config, said = str(self._home / "labferry.toml"), io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = moved(self._now, [arguments[0], "-c", config, *arguments[1:]])
        if code not in _EXPECTED:
            raise RuntimeError(f"labferry {arguments[0]} exits {code}:\n{said.getvalue()}")


def _environment(columns: int) -> dict[str, str]:
    return {
        "COLUMNS": str(columns),
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, sys.path)]),
        "TERM": "xterm-256color",
    }
