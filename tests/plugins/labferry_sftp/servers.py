"""What the servers of these tests have in common: programs, ports, keys."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.needs import in_own_mounts, require_program

_SECONDS = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def make_key(path: Path, *options: str, kind: str = "ed25519") -> Path:
    """A new key without a passphrase, unless the options give one."""
    keygen = require_program("ssh-keygen", "openssh-client")
    secret = () if "-N" in options else ("-N", "")
    subprocess.run([keygen, "-q", "-t", kind, *secret, *options, "-f", path], check=True)
    return path


def public_key(private: Path) -> str:
    """Kind and key, without the comment."""
    return " ".join(private.with_suffix(".pub").read_text().split()[:2])


@contextmanager
def running(command: list[str], port: int, log: Path, address: str = "127.0.0.1") -> Iterator[None]:
    """A server process, from when it listens on."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        _wait_until_listening(process, (address, port), log)
        yield
    finally:
        process.terminate()
        process.wait(_SECONDS)


def _wait_until_listening(
    process: "subprocess.Popen[bytes]", place: tuple[str, int], log: Path
) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(place) == 0:
                return
        time.sleep(0.02)
    pytest.fail(f"The server does not start:\n{log.read_text()}", pytrace=False)


def in_a_small_disk(place: Path) -> list[str]:
    """A command that runs another one where it alone sees a disk of 4 MiB at `place`."""
    mount = f"mount -t tmpfs -o size=4m none '{place}' && exec \"$@\""
    if os.geteuid() == 0:
        return in_own_mounts(mount, as_real_root=True)
    # Mounting needs to be root within; the server needs to be the user that it was.
    back = ["unshare", "--user", f"--map-user={os.getuid()}", f"--map-group={os.getgid()}"]
    return [*in_own_mounts(mount), *back]


def with_small_files_only() -> list[str]:
    """A command that runs another one which can't make a file of more than 4 MiB."""
    return ["bash", "-c", 'trap "" XFSZ; ulimit -f 4096; exec "$@"', "bash"]
