"""Killed or disturbed at every step of a restore: nothing half, and the next one ends it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.lab import Put
from tests.speed import first_quick

from .conftest import RestoreLab

pytestmark = pytest.mark.slow

_DRIVER = Path(__file__).with_name("driver.py")
_MEMBERS = {"work/a.bin": os.urandom(1 << 20), "work/b/c.bin": os.urandom(1 << 20), "work/d": b""}


@dataclass(frozen=True)
class Ended:
    code: int
    steps: list[str]
    err: str


Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def driver() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, _DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.communicate(timeout=10)


@pytest.fixture
def run(driver: subprocess.Popen[str], lab: RestoreLab) -> Run:
    """Restore in a fork, and be killed or disturbed at a step if that is said."""

    def run(*argv: str, **task: Any) -> Ended:  # noqa: ANN401 - as the driver takes it
        files = {name: str(lab.folder / name) for name in ("stdout", "stderr")}
        whole = {"argv": ["restore", "-c", str(lab.config), *argv], **files, **task}
        assert driver.stdin is not None
        assert driver.stdout is not None
        driver.stdin.write(f"{json.dumps(whole)}\n")
        driver.stdin.flush()
        answer = json.loads(driver.stdout.readline())
        text = Path(files["stderr"]).read_text(encoding="utf-8")
        return Ended(answer["code"], answer["steps"], text)

    return run


@pytest.fixture
def put(lab: RestoreLab, zip_of: Callable[..., bytes]) -> Put:
    lab.here.mkdir()
    return lab.store("nas", content=zip_of(_MEMBERS))


def _clear(lab: RestoreLab) -> None:
    for path in sorted(lab.here.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()


@pytest.mark.parametrize("resumed", first_quick([False, True]))
def test_a_restore_killed_at_any_step(
    lab: RestoreLab, put: Put, run: Run, *, resumed: bool
) -> None:
    target = lab.here / "back.zip"
    part = lab.here / f".labferry-{put.sha256[:32]}.part"
    argv = (put.id, "--to", str(target))
    killed = 0
    while True:
        _clear(lab)
        if resumed:
            part.write_bytes(put.content[: 1 << 20])
        ended = run(*argv, at=killed + 1)
        if ended.code != -9:
            break
        killed += 1
        assert not target.exists() or target.read_bytes() == put.content
        again = run(*argv)
        assert again.code == 0, again.err
        assert target.read_bytes() == put.content
        assert lab.files() == ["back.zip"]
    assert ended.code == 0, ended.err
    assert killed > 10


@pytest.mark.slow
def test_a_restore_that_is_unpacked_killed_at_any_step(lab: RestoreLab, put: Put, run: Run) -> None:
    target = lab.here / "new"
    argv = (put.id, "--to", str(target), "--extract")
    killed = 0
    while True:
        _clear(lab)
        ended = run(*argv, at=killed + 1)
        if ended.code != -9:
            break
        killed += 1
        if not target.exists():
            assert run(*argv).code == 0
        _check_unpacked(lab, target)
    assert ended.code == 0, ended.err
    _check_unpacked(lab, target)
    assert killed > 20


def _check_unpacked(lab: RestoreLab, target: Path) -> None:
    assert [path.name for path in lab.here.iterdir()] == ["new"], "nothing else is left"
    assert {name: (target / name).read_bytes() for name in lab.files(target)} == _MEMBERS


@pytest.mark.parametrize(
    ("fault", "extract"), first_quick([("ENOSPC", False), ("EIO", False), ("ENOSPC", True)])
)
def test_a_disk_that_fails_at_any_step(
    lab: RestoreLab, put: Put, run: Run, fault: str, *, extract: bool
) -> None:
    target = lab.here / "back"
    argv = (put.id, "--to", str(target), *(["--extract"] if extract else []))
    steps = len(run(*argv).steps)
    failed = 0
    for step in range(1, steps + 1):
        _clear(lab)
        ended = run(*argv, at=step, fault=fault)
        if ended.code == 0:
            continue
        failed += 1
        assert ended.code in {1, 4, 5}, (step, ended.err)
        assert "unexpectedly" not in ended.err, ended.err
        again = run(*argv)
        assert again.code == 0 or target.is_dir(), again.err
        if target.is_dir():
            _check_content(target)
        else:
            assert target.read_bytes() == put.content
    assert failed > 10


def _check_content(target: Path) -> None:
    for name, content in _MEMBERS.items():
        assert (target / name).read_bytes() == content
