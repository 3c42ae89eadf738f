"""A real disk that is too small: told before anything is read, and mended it goes on."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.needs import in_own_mounts

from .conftest import RestoreLab

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


def _run(lab: RestoreLab, size: str, *arguments: str) -> None:
    lab.here.mkdir()
    command = [sys.executable, "-m", "labferry", "restore", *arguments]
    script = _SCRIPT.format(
        size=size,
        here=shlex.quote(str(lab.here)),
        out=shlex.quote(str(lab.folder)),
        command=shlex.join([*command, "-c", str(lab.config)]),
    )
    subprocess.run(
        in_own_mounts(script),
        env={**os.environ, **lab.environment},
        check=True,
    )


def _said(lab: RestoreLab, what: str) -> str:
    return (lab.folder / what).read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("size", ["4k", "2m"])
def test_an_archive_that_does_not_fit_is_told_before_it_is_read(lab: RestoreLab, size: str) -> None:
    put = lab.store("nas", content=os.urandom(3 << 20))
    _run(lab, size, put.id, "--to", str(lab.here))
    assert _said(lab, "code1") == "1"
    assert "needs 3145728 bytes" in _said(lab, "stderr1")
    assert _said(lab, "left") == ""
    assert _said(lab, "code2") == "0"
    assert (lab.folder / "kept" / put.path.name).read_bytes() == put.content


def test_what_does_not_fit_unpacked_is_told_and_not_fetched_again(
    lab: RestoreLab, zip_of: Callable[..., bytes]
) -> None:
    put = lab.store("nas", content=zip_of({"work/zeros": bytes(30 << 20)}))
    new = lab.here / "new"
    _run(lab, "8m", put.id, "--to", str(new), "--extract")
    assert _said(lab, "code1") == "1"
    assert f"needs {(30 << 20) + 4096} bytes" in _said(lab, "stderr1")
    assert _said(lab, "left").endswith(".part")
    assert _said(lab, "code2") == "0"
    assert "continuing at byte" in _said(lab, "stderr2")
    assert lab.files(Path(lab.folder / "kept")) == ["new/work/zeros"]
