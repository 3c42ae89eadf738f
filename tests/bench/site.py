"""A machine that labferry runs on, and what one of its runs costs."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import toml_table

Table = Mapping[str, Any]

# The peak that a process is told of its child can be the parent's own, from before it became
# another program; so something small stands between.
_PEAK = """
import pathlib, resource, subprocess, sys
ended = subprocess.run(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
pathlib.Path(sys.argv[1]).write_text(str(used.ru_maxrss))
sys.exit(ended.returncode)
"""


@dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes:
        seconds: From its start to its end.
        cpu: Seconds of the processor.
    """

    seconds: float
    cpu: float


class Site:
    """A folder with a configuration, and a state folder of its own.

    Args:
        folder: An empty folder.
        sources: The sources' tables.
        destinations: The destinations' tables.
        secrets: Variables of the environment that the tables name.
    """

    def __init__(
        self,
        folder: Path,
        sources: Mapping[str, Table],
        destinations: Mapping[str, Table],
        secrets: Mapping[str, str],
    ) -> None:
        self.state = folder / "state"
        self._environment = {**os.environ, **secrets}
        self._config = folder / "labferry.toml"
        tables = [toml_table((), {"state_dir": self.state})]
        for kind, named in (("sources", sources), ("destinations", destinations)):
            tables += [toml_table((kind, name), table) for name, table in named.items()]
        self._config.touch(0o600)  # there are secrets in it
        self._config.write_text("\n".join(tables))

    def labferry(self, verb: str) -> Cost:
        """Run a verb that must succeed."""
        return cost(self._command(verb), environment=self._environment)

    def peak_memory(self, verb: str) -> int:
        """Run a verb that must succeed, and say how many bytes of memory it held at most."""
        told = self._config.with_name("peak")
        between = [sys.executable, "-S", "-c", _PEAK, str(told)]
        cost([*between, *self._command(verb)], environment=self._environment)
        return int(told.read_text()) * 1024

    def _command(self, verb: str) -> list[str]:
        return [sys.executable, "-m", "labferry", verb, "--config", str(self._config)]


def source(url: str, variable: str) -> Table:
    """The table of a source that is polled as often as a server on this machine can bear.

    Args:
        url: The server's address.
        variable: The variable of the environment that has the key.
    """
    key = {"env": variable}
    return {"type": "rspace", "url": url, "api_key": key, "poll_interval": "50ms"}


def cost(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Cost:
    """Run a command that must succeed, and say what it took.

    Raises:
        RuntimeError: It failed, and what it said.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    _, status, used = os.wait4(process.pid, 0)
    taken = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {said[-2000:]}")
    return Cost(taken, used.ru_utime + used.ru_stime)
