"""Starting and stopping the real servers that tests talk to, and where their programs are."""

import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.needs import leave_out

_SECONDS = 60.0
_LOG_SHOWN = 2000


def program_of_wheel(name: str, wheel: str) -> str:
    """The path of a program that a wheel brings.

    Args:
        name: The program.
        wheel: The package; not every platform has it.
    """
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        leave_out(name, f"pip install {wheel}")
    return found


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((address, port)) == 0


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    ready: Callable[[], bool],
    seconds: float = 10.0,
    *,
    environment: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """A server process, from when it is ready until the end of the block.

    Args:
        command: The program and its arguments.
        log: Where its output goes.
        ready: Whether it can be talked to.
        seconds: How long it may take to stop; then it is killed.
        environment: Its environment; that of the tests if None.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        _wait(process, log, ready)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", log: Path, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if ready():
            return
        time.sleep(0.05)
    said = log.read_text(errors="replace")[-_LOG_SHOWN:]
    pytest.fail(f"The server does not start: {log.stem}\n{said}", pytrace=False)
