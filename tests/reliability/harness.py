"""What the tests of reliability hold in their hands: a server, and destinations."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from labferry.testing.rspace import ALICE_KEY, BigArchive, JobTiming, Options, SimulatedRSpace

from .targets import LocalTarget, Target

SIZE = LocalTarget.size
"""Bytes in an archive for local folders: several network packets, several writes."""

IN_THE_DOWNLOAD = ("posix.pwrite", 3)
"""A step between the first byte of an archive in the spool and the last."""

_DRIVER = Path(__file__).with_name("driver.py")


@dataclass(frozen=True)
class Outcome:
    """How one run of `labferry sync` ended.

    Attributes:
        code: The exit code; negative where a signal ended it.
        stdout: What it printed.
        stderr: What it said.
        steps: Thread, number in the thread and name of every step, if it was watched to its end.
        fired: The step at which the planned fault happened, if it did.
    """

    code: int
    stdout: str
    stderr: str
    steps: Sequence[tuple[str, int, str]] = ()
    fired: str = ""

    def step(self, thread: str, number: int) -> str:
        """What a thread's step of that number was; empty if it did not come to it."""
        return next((step[2] for step in self.steps if step[:2] == (thread, number)), "")

    @property
    def was_killed(self) -> bool:
        return self.code < 0


class Driver:
    """The process that forks runs; see `driver.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, _DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, task: dict[str, Any]) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{json.dumps(task)}\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline())
        assert not answer["hung"], f"The run did not come to an end: {task}"
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=10)


@dataclass
class Lab:
    """A server, destinations, and a configuration that joins them.

    Attributes:
        folder: Where everything lies.
        driver: Runs the command line.
        targets: The destinations, by name.
        options: The server's.
        settings: More lines for the source, such as time-outs.
        top: More lines for the top of the file.
    """

    folder: Path
    driver: Driver
    targets: dict[str, Target]
    options: Options
    settings: str = ""
    top: str = ""

    @classmethod
    def new(cls, folder: Path, driver: Driver, make: Callable[[Path], Target]) -> Self:
        """A laboratory in a new folder, with two destinations of one kind."""
        folder.mkdir()
        targets = {name: make(folder / name) for name in ("nas", "usb")}
        size = targets["nas"].size
        timing = JobTiming(queue=0.005, run=0.03)
        return cls(folder, driver, targets, Options(archives=[BigArchive(size)], timing=timing))

    @contextmanager
    def opened(self) -> Iterator[Self]:
        """Let the server answer, the destinations be there, and the configuration name them."""
        with SimulatedRSpace(options=self.options) as server:
            self.server = server
            for target in self.targets.values():
                target.make()
            self.configure()
            yield self

    @property
    def config(self) -> Path:
        return self.folder / "labferry.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    def configure(self) -> None:
        """Write the configuration, as the attributes now say."""
        destinations = "\n".join(
            f"[destinations.{name}]\n{target.settings()}" for name, target in self.targets.items()
        )
        self.config.touch(mode=0o600)  # secrets may stand in it
        self.config.write_text(
            f'state_dir = "{self.state}"\nspool_dir = "{self.spool}"\n'
            f'retry_for = "3s"\n{self.top}\n'
            f'[sources.alice]\ntype = "rspace"\nurl = "{self.server.url}"\n'
            'api_key = { env = "LABFERRY_TEST_KEY" }\n'
            f'poll_interval = "20ms"\n{self.settings}\n{destinations}\n'
        )

    def sync(self, **task: Any) -> Outcome:  # noqa: ANN401 - as the driver understands it
        """Run `labferry sync` in a fork of the driver."""
        stdout, stderr = self.folder / "stdout", self.folder / "stderr"
        argv = ["sync", "-vv", "-c", str(self.config)]
        for file in (stdout, stderr):
            # A process that is killed at once never gets to open them.
            file.write_text("")
        files = {"stdout": str(stdout), "stderr": str(stderr)}
        answer = self.driver.run(
            {"argv": argv, "env": self.environment(), "longest_wait": 0.03, **files, **task}
        )
        steps = [(thread, number, what) for thread, number, what in answer["steps"]]
        return Outcome(
            answer["code"], stdout.read_text(), stderr.read_text(), steps, answer["fired"]
        )

    def thread(self, name: str) -> str:
        """A thread's name in this laboratory, from its name in another one: lanes differ."""
        word, at, _ = name.partition("@")
        return f"{word}@{self.server.url.partition('//')[2]}" if at else name

    def environment(self) -> dict[str, str]:
        return {"LABFERRY_TEST_KEY": ALICE_KEY}

    def start(self, *prefix: str) -> subprocess.Popen[str]:
        """Start a real `labferry sync` as a process of its own."""
        command = [*prefix, sys.executable, "-m", "labferry", "sync", "-v", "-c", str(self.config)]
        return subprocess.Popen(
            command,
            env={**os.environ, **self.environment()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
