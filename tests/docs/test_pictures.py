"""The documentation's pictures: a script makes them of real runs, and every one is shown."""

import os
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from labferry.testing.rspace import ALICE_KEY, PI_KEY

pytestmark = pytest.mark.slow
SVG = "{http://www.w3.org/2000/svg}"
MOST_BYTES = 600_000
SHOWN = re.compile(r"^```\{image\} (\S+)\n((?::.*\n)+)```$", re.MULTILINE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures, made anew."""
    project = Path(__file__).parents[2]
    folder = tmp_path_factory.mktemp("pictures")
    path = os.pathsep.join(filter(None, sys.path))
    subprocess.run(
        [sys.executable, "-m", "docs.pictures", str(folder)],
        cwd=project,
        env=os.environ | {"PYTHONPATH": path},
        check=True,
        timeout=280,
    )
    return folder


@pytest.fixture
def kept(project: Path) -> Path:
    return project / "docs/_static/pictures"


def _check_svg(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script|<foreignObject|<image|@import|@font-face|href=|url\(", text)
    assert {url.rstrip(".") for url in re.findall(r"https?://[^/\s\"<]+", text)} <= {
        "http://www.w3.org",
        "https://rspace.example.edu",
    }
    assert not any(secret in text for secret in (ALICE_KEY, PI_KEY))
    root = ET.fromstring(text)  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title", "").startswith("labferry ")
    written = "".join(root.itertext())
    assert not re.search(r"/tmp|127\.0\.0\.1|localhost|Traceback", written)  # noqa: S108 - not to be there


def _check_png(path: Path) -> None:
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    assert min(struct.unpack(">II", head[16:24])) >= 500


_CHECKS = {".svg": _check_svg, ".png": _check_png}


def _check(folder: Path) -> None:
    for path in folder.iterdir():
        _CHECKS[path.suffix](path)
    assert sum(path.stat().st_size for path in folder.iterdir()) < MOST_BYTES


def test_the_script_makes_the_pictures_that_are_kept(made: Path, kept: Path) -> None:
    _check(made)
    assert {path.name for path in made.iterdir()} == {path.name for path in kept.iterdir()}


def test_a_recording_shows_work_and_ends_with_what_came_of_it(made: Path) -> None:
    screens = ET.parse(made / "sync.svg").getroot().findall(f"{SVG}g")  # noqa: S314 - our own
    texts = ["\n".join(screen.itertext()) for screen in screens]
    assert 4 < len(texts) <= 16
    assert any("exporting" in text for text in texts[:-1])
    assert any("storing" in text for text in texts[:-1])
    assert "Exports: 2 stored" in texts[-1]


def test_what_is_kept_can_be_shown_anywhere(kept: Path) -> None:
    _check(kept)


def test_every_picture_is_on_a_page_and_is_described(project: Path, kept: Path) -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in project.glob("docs/**/*.md")}
    shown = [
        ((page.parent / picture).resolve(), options)
        for page, text in pages.items()
        for picture, options in SHOWN.findall(text)
    ]
    assert {path for path, _ in shown} == {*kept.iterdir()}
    assert all(re.search(r"^:alt: .{20}", options, re.MULTILINE) for _, options in shown)
