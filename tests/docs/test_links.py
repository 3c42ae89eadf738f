"""Links are encrypted and well-formed; `tox -e links` asks whether they lead anywhere."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

_URL = re.compile(r"\bhttps?://[^\s<>\"'`)\[\]]*")
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_THIS_MACHINE = "127.0.0.1"
_ALONE = {"http://", "https://"}
"""Named as such on a page, and no link."""


def _links(project: Path) -> list[tuple[str, str]]:
    files = [
        *project.glob("*.md"),
        *project.glob("docs/**/*.md"),
        *(path for path in project.glob("examples/**/*") if path.is_file()),
    ]
    return [
        (path.relative_to(project).as_posix(), url.rstrip(".,;:"))
        for path in sorted(files)
        if path.suffix != ".pyc"
        for url in _URL.findall(path.read_text(encoding="utf-8"))
        if url not in _ALONE
    ]


def _mistake(url: str) -> str:
    """What is wrong with a link; empty where nothing is."""
    parts = urlsplit(url)
    if parts.hostname == _THIS_MACHINE:
        return ""
    if parts.scheme != "https":
        return "is not encrypted"
    if not _HOST.fullmatch(parts.netloc):
        return "has no plain host name, or more than that"
    return "" if url.isascii() and "\\" not in url else "has characters that no address has"


def test_links_are_encrypted_and_well_formed(project: Path) -> None:
    links = _links(project)
    assert len(links) > 50
    wrong = [(file, url, _mistake(url)) for file, url in links if _mistake(url)]
    assert wrong == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.edu/",
        "https://",
        "https:///path",
        "https://localhost/",
        "https://user:word@example.edu/",
        "https://example..edu/",
        "https://example.edu\\x",
    ],
)
def test_a_link_with_a_mistake_is_noticed(url: str) -> None:
    assert _mistake(url)
