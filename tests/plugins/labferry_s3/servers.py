"""Starting and stopping the servers that tests talk to."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 90


@dataclass(frozen=True)
class Store:
    """A store on this machine.

    Attributes:
        url: Its address.
        access_key: The id of a key that may do everything.
        secret_key: Its secret half.
    """

    url: str
    access_key: str
    secret_key: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running(
    command: Sequence[str], log: Path, **options: object
) -> Iterator[subprocess.Popen[bytes]]:
    """A server process, ended in the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(ready: Callable[[], bool], what: str, log: Path) -> None:
    """Return when a server is up; say what it said if that takes too long."""
    deadline = time.monotonic() + _SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"{what} did not come up:\n{log.read_text(errors='replace')[-2000:]}"
            )
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
