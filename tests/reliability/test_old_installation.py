"""What version 0.1.0 left on a machine goes on working: ledger, manifests, copies."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.paths import ROOT

from labferry.testing.rspace import PI_KEY, SimulatedRSpace

OLD = ROOT / "tests" / "data" / "installation-0.1.0"
"""The folder that `labferry demo` of version 0.1.0 made; two destinations hold one archive."""
ARCHIVE = "20261130T070707Z-chem-lab-23"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "installation"
    shutil.copytree(OLD, folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    with SimulatedRSpace() as server:
        config = folder / "labferry.toml"
        text = re.sub(r'url = "[^"]*"', f'url = "{server.url}"', config.read_text("utf-8"))
        config.write_text(text.replace("api-key", str(folder / "api-key")), encoding="utf-8")
        (folder / "api-key").write_text(PI_KEY, encoding="utf-8")
        (folder / "api-key").chmod(0o600)
        yield folder


def labferry(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "labferry", *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_verb_goes_on_with_an_old_installation(folder: Path) -> None:
    for verb in (
        ["check"],
        ["status"],
        ["list"],
        ["verify", "--contents"],
        ["verify", "--chain"],
        ["drill"],
        ["prune", "--strays", "--dry-run"],
        ["report", "--html", "page.html"],
        ["restore", ARCHIVE, "--to", "back.zip"],
        ["sync"],
        ["verify"],
    ):
        done = labferry(folder, *verb)
        assert done.returncode == 0, f"{verb}: {done.stdout}{done.stderr}"
    assert (folder / "back.zip").read_bytes() == next((OLD / "nas").rglob("*.zip")).read_bytes()
    listing = labferry(folder, "list", "--all").stdout
    assert ARCHIVE in listing
    assert not list(folder.joinpath("state").glob("ledger.db.*damaged*"))


def test_old_copies_are_the_first_links_of_the_chain(folder: Path) -> None:
    assert labferry(folder, "sync").returncode == 0
    nas = folder / "nas"
    old = nas / f"chem-lab/2026/{ARCHIVE}.zip.manifest.json"
    assert old.read_bytes() == (OLD / old.relative_to(folder)).read_bytes()
    old.unlink()
    old.with_name(f"{ARCHIVE}.zip").unlink()
    done = labferry(folder, "verify")
    assert done.returncode == 4
    assert ARCHIVE in done.stderr + done.stdout
