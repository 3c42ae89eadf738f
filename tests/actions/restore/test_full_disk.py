"""A real disk that is too small: told before anything is read, and mended it goes on."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.needs import in_own_mounts

from .conftest import Machine

_SCRIPT = """
set -e
mount -t tmpfs -o size={size} none {here}
set +e
{command} > {out}/stdout1 2> {out}/stderr1; echo $? > {out}/code1
ls -A {here} > {out}/left
set -e
mount -o remount,size=64m {here}
set +e
{command} -v > {out}/stdout2 2> {out}/stderr2; echo $? > {out}/code2
cp -a {here} {out}/kept
umount {here}
"""


def _run(machine: Machine, size: str, *arguments: str) -> None:
    machine.here.mkdir()
    command = [sys.executable, "-m", "labferry", "restore", *arguments]
    script = _SCRIPT.format(
        size=size,
        here=shlex.quote(str(machine.here)),
        out=shlex.quote(str(machine.folder)),
        command=shlex.join([*command, "-c", str(machine.config)]),
    )
    subprocess.run(
        in_own_mounts(script),
        env={**os.environ, **machine.environment},
        check=True,
    )


def _said(machine: Machine, what: str) -> str:
    return (machine.folder / what).read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("size", ["4k", "2m"])
def test_an_archive_that_does_not_fit_is_told_before_it_is_read(
    machine: Machine, size: str
) -> None:
    put = machine.put("nas", content=os.urandom(3 << 20))
    _run(machine, size, put.id, "--to", str(machine.here))
    assert _said(machine, "code1") == "1"
    assert "needs 3145728 bytes" in _said(machine, "stderr1")
    assert _said(machine, "left") == ""
    assert _said(machine, "code2") == "0"
    assert (machine.folder / "kept" / put.path.name).read_bytes() == put.content


def test_what_does_not_fit_unpacked_is_told_and_not_fetched_again(
    machine: Machine, zip_of: Callable[..., bytes]
) -> None:
    put = machine.put("nas", content=zip_of({"work/zeros": bytes(30 << 20)}))
    new = machine.here / "new"
    _run(machine, "8m", put.id, "--to", str(new), "--extract")
    assert _said(machine, "code1") == "1"
    assert f"needs {(30 << 20) + 4096} bytes" in _said(machine, "stderr1")
    assert _said(machine, "left").endswith(".part")
    assert _said(machine, "code2") == "0"
    assert "going on at byte" in _said(machine, "stderr2")
    assert machine.files(Path(machine.folder / "kept")) == ["new/work/zeros"]
