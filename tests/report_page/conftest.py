"""Pages made from ledgers of all sizes, and a browser to open them in."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.needs import require_program
from typing_extensions import override

from labferry.ledger import Ledger

Fill = Callable[..., None]
Elements = list[tuple[str, dict[str, str]]]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VOID = {"meta", "link", "col", "br", "hr", "img", "input"}
CONFIG = """\
state_dir = "state"

[sources.chem]
type = "rspace"
url = "https://rspace.example.edu"
api_key = "plainKeyThatNobodySees"

[sources.bio]
type = "rspace"
url = "https://rspace.example.edu"
api_key = "plainKeyThatNobodySees"

[destinations.nas]
type = "local"
path = "nas"
verify = { every = "30d" }

[destinations.offsite]
type = "local"
path = "offsite"
"""


class Page(HTMLParser):
    """A page, taken apart; every element must be closed where it should be.

    Attributes:
        elements: The elements with their attributes, in order.
        text: What there is to read, but the style.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Elements = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def svg_elements(self) -> int:
        kinds = {"svg", "g", "rect", "path", "circle", "text"}
        return sum(name in kinds for name, _ in self.elements)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a configuration and an empty ledger."""
    (tmp_path / "state").mkdir()
    for name in ("nas", "offsite"):
        (tmp_path / name).mkdir()
    config = tmp_path / "labferry.toml"
    config.touch(mode=0o600)
    config.write_text(CONFIG, encoding="utf-8")
    return tmp_path


@pytest.fixture
def fill(site: Path) -> Fill:
    """Let so many runs have happened, a while apart, up to now; see `_fill`."""

    def fill(
        runs: int,
        apart: timedelta = timedelta(days=1),
        series: tuple[str, ...] = ("user", "group"),
        message: str = "rspace.example.edu did not answer.",
        now: datetime = NOW,
    ) -> None:
        ledger = Ledger(site / "state" / "ledger.db")
        try:
            _fill(ledger, runs, apart, series, message, now)
        finally:
            ledger.close()

    return fill


def _fill(
    ledger: Ledger,
    runs: int,
    apart: timedelta,
    series: tuple[str, ...],
    message: str,
    now: datetime,
) -> None:
    """Each run exports one series of each source; every 9th fails, every 13th is partial."""
    store = ledger._store
    with store.transaction():
        for number in range(1, runs + 1):
            began = now - (runs - number) * apart - timedelta(hours=2)
            took = timedelta(seconds=90 + 37 * (number % 11) + 600 * (number % 50 == 0))
            store.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?)",
                *(number, began.isoformat(), (began + took).isoformat(), _code(number)),
            )
            for source in ("chem", "bio"):
                _export(ledger, began, number, source, series[number % len(series)], message)


def _code(run: int) -> int:
    return next((code for each, code in ((9, 1), (13, 3), (31, 75)) if run % each == 0), 0)


def _export(ledger: Ledger, began: datetime, run: int, source: str, series: str, why: str) -> None:
    code = _code(run)
    size = 40_000_000 + 900_000 * run + (7_000_000 * (run % 5) if source == "bio" else 0)
    store = ledger._store
    export = store.execute(
        "INSERT INTO exports (run, source, source_type, source_url, lane, request, phase, job, "
        "seal) VALUES (?, ?, 'rspace', '', '', json_object('series', ?), ?, "
        "json_object('reason', ?, 'completed_at', ?, 'verified_at', ?, "
        "'offer', json_object('size', ?)), 0)",
        *(run, source, series, "failed" if code == 1 else "done", why),
        *(began.isoformat(), (began + timedelta(seconds=9 + run % 4)).isoformat(), size),
    )
    if code == 1:
        return
    for place, destination in enumerate(("nas", "offsite")):
        if code == 3 and place:
            store.execute(
                "INSERT INTO deliveries (export, destination, state, reason, exit_code) "
                "VALUES (?, ?, 'failed', ?, 1)",
                *(export, destination, why),
            )
            continue
        micro = int(began.timestamp() * 1_000_000)
        verified = micro + 3_600_000_000 if (run + place) % 3 else None
        problem = "Its SHA-256 is another one." if run % 40 == 0 and place else ""
        store.execute(
            "INSERT INTO copies (destination, archive_id, source, series, key, size, sha256, "
            "submitted_at, place, stored_at, checked, checked_at, verified_at, problem) "
            "VALUES (?, ?, ?, ?, 'key', ?, 'sum', ?, ?, ?, 'read-back', ?, ?, ?)",
            *(destination, f"{began:%Y%m%dT%H%M%SZ}-{source}-{run}", source, series, size, micro),
            *(2 * run + (source == "bio"), micro, verified, verified, problem),
        )


@pytest.fixture
def take_apart() -> Callable[[str], Page]:
    return Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; its own sandbox needs rights that a container lacks."""
    program = require_program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
