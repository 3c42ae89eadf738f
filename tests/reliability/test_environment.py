"""Real disks that are full, read-only or gone: a clear message, and the next run goes on."""

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.needs import in_own_mounts

from labferry.testing.rspace import Fault, Slow

from .checks import check_settled, check_told
from .conftest import Count, OpenLab
from .harness import Lab, Outcome

pytestmark = pytest.mark.slow

_SPOIL = {
    "full": 'mount -t tmpfs -o size={size} none "$folder" && cp -a "$kept/." "$folder"',
    "read-only": 'mount --bind "$folder" "$folder" && mount -o remount,bind,ro "$folder"',
}
_MEND = {
    "full": 'mount -o remount,size=64m "$folder"',
    "read-only": 'mount -o remount,bind,rw "$folder"',
}
_SCRIPT = """
set -e
folder={folder}; kept="$folder.kept"
cp -a "$folder" "$kept"
{spoil}
set +e
{command} > {out}/stdout1 2> {out}/stderr1; echo $? > {out}/code1
set -e
{mend}
set +e
{command} > {out}/stdout2 2> {out}/stderr2; echo $? > {out}/code2
set -e
rm -rf "$kept"; cp -a "$folder" "$kept"
umount "$folder"
rm -rf "$folder"; mv "$kept" "$folder"
"""
_FULL = [("state", size) for size in ("4k", "32k", "64k", "96k", "128k")]
_FULL += [("spool", size) for size in ("4k", "128k", "210k")]
_FULL += [("nas", size) for size in ("4k", "128k", "196k")]


def _run_spoilt(lab: Lab, folder: Path, how: str, size: str = "") -> tuple[Outcome, Outcome]:
    """Run twice in a namespace of mounts: with a spoilt folder, and with the same one mended."""
    folder.mkdir(exist_ok=True)
    command = shlex.join([sys.executable, "-m", "labferry", "sync", "-vv", "-c", str(lab.config)])
    script = _SCRIPT.format(
        folder=shlex.quote(str(folder)),
        out=shlex.quote(str(lab.folder)),
        command=command,
        spoil=_SPOIL[how].format(size=size),
        mend=_MEND[how],
    )
    subprocess.run(
        in_own_mounts(script),
        env={**os.environ, **lab.environment()},
        check=True,
    )
    return _outcome(lab, 1), _outcome(lab, 2)


def _outcome(lab: Lab, number: int) -> Outcome:
    code, stdout, stderr = (
        (lab.folder / f"{what}{number}").read_text() for what in ("code", "stdout", "stderr")
    )
    return Outcome(int(code), stdout, stderr)


@pytest.mark.parametrize(("what", "size"), _FULL)
def test_a_full_disk(open_lab: OpenLab, count: Count, what: str, size: str) -> None:
    lab = open_lab()
    full, again = _run_spoilt(lab, lab.folder / what, "full", size)
    assert full.code == (3 if what == "nas" else 1), full.stderr
    check_told(full)
    assert "space" in full.stderr or "full" in full.stderr, full.stderr
    count("disks spoilt", 1)
    count("archives checked", check_settled(lab, again))


@pytest.mark.parametrize("what", ["state", "spool", "nas"])
def test_a_read_only_disk(open_lab: OpenLab, count: Count, what: str) -> None:
    lab = open_lab()
    spoilt, again = _run_spoilt(lab, lab.folder / what, "read-only")
    assert spoilt.code == (3 if what == "nas" else 1), spoilt.stderr
    check_told(spoilt)
    assert re.search("Read-only file system|Permission denied", spoilt.stderr)
    assert str(lab.folder / what) in spoilt.stderr
    count("disks spoilt", 1)
    count("archives checked", check_settled(lab, again))


def test_space_is_looked_at_before_the_download(open_lab: OpenLab) -> None:
    lab = open_lab()
    full, _ = _run_spoilt(lab, lab.folder / "spool", "full", "128k")
    assert "needs 200,000" in full.stderr or "needs 200000" in full.stderr
    downloads = [request for request in lab.server.requests if request.kind == "download"]
    assert len(downloads) == 1, "the first run did not even begin"


def test_a_destination_disappears_in_the_middle(open_lab: OpenLab, count: Count) -> None:
    lab = open_lab()
    lab.server.faults.add(Fault("download", Slow(150_000)))
    usb = lab.targets["usb"].folder
    with lab.start() as run:
        while not [*usb.rglob(".*.labferry-part")]:
            time.sleep(0.01)
        usb.rename(usb.with_name("unplugged"))
        stdout, stderr = run.communicate(timeout=60)
    outcome = Outcome(run.returncode, stdout, stderr)
    assert outcome.code == 3, stderr
    check_told(outcome)
    assert f"{usb} " in stderr or f"{usb}/" in stderr
    usb.with_name("unplugged").rename(usb)
    count("disks spoilt", 1)
    count("archives checked", check_settled(lab, lab.sync(), orphans=0))
