import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

PASSWORD = "s3cr3t-pa55w0rd"


@dataclass(frozen=True)
class Server:
    """A file server on this machine, and the folder that it serves."""

    folder: Path
    port: int


def _first_line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


@contextmanager
def _serving(script: str, folder: Path, *more: str) -> Iterator[Server]:
    program = Path(__file__).parent / "servers" / script
    command = [sys.executable, "-W", "ignore", str(program), str(folder), PASSWORD, *more]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield Server(folder, int(_first_line(process.stdout)))
        finally:
            process.kill()


@pytest.fixture(scope="session")
def ftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with _serving("ftp.py", tmp_path_factory.mktemp("ftp")) as server:
        yield server


@pytest.fixture(scope="session")
def plain_ftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that knows no MLSD and shows no hidden files."""
    with _serving("ftp.py", tmp_path_factory.mktemp("plain-ftp"), "plain") as server:
        yield server


@pytest.fixture(scope="session")
def webdav_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with _serving("webdav.py", tmp_path_factory.mktemp("webdav")) as server:
        yield server


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> str:
    """The password of both servers, and the environment variable that holds it."""
    monkeypatch.setenv("STORAGE_PASSWORD", PASSWORD)
    return PASSWORD
