"""What stands on the page, and that it stays small, well formed and harmless."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest

from labferry.actions.report.figures import Report
from labferry.actions.report.gather import report
from labferry.actions.session import open_stores
from labferry.ledger import Ledger
from labferry.report_page.page import render

from .conftest import NOW, Fill, Page

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; background: url(https://evil.example)",
    "</title></svg></style><b>",
    "&lt;&amp; \u202egnirts \u2028\u061c \x00\x1b[31m",
    "x" * 5000,
    "\ud800 half",
)
COLOURS = re.compile(r"--([a-z-]+): (#[0-9a-f]{6})[;\s]")
Figures = Callable[..., Report]


@pytest.fixture
def figures(site: Path) -> Figures:
    def figures(max_age: timedelta = timedelta(hours=26)) -> Report:
        return report(open_stores(site / "labferry.toml"), max_age, NOW)

    return figures


def _check_whole(page: Page) -> None:
    """What holds for every page: landmarks, labels, and nothing from elsewhere."""
    kinds = [name for name, _ in page.elements]
    assert [kinds.count(kind) for kind in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    assert [kind for kind in kinds if re.fullmatch("h[1-6]", kind)] == ["h1", *["h2"] * 6]
    assert not {"script", "img", "iframe", "object", "base", "form"} & {*kinds}
    identities = [each["id"] for _, each in page.elements if "id" in each]
    assert len(identities) == len({*identities})
    for table in page.all("table"):
        assert table == {}
    assert kinds.count("caption") == kinds.count("table")
    assert all(each["role"] == "img" and each["aria-label"] for each in page.all("svg"))
    assert all(each["aria-labelledby"] in identities for each in page.all("section"))
    assert all(each["scope"] in {"row", "col"} for each in page.all("th"))
    assert page.all("html") == [{"lang": "en"}]
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert attributes.get("href", "#").startswith(("#", "data:,"))
        assert "src" not in attributes


def test_page_of_a_machine_that_never_synced(figures: Figures, site: Path) -> None:
    (site / "state").rmdir()
    page = Page(render(figures()))

    _check_whole(page)
    assert page.svg_elements() == 0
    assert page.text.count("never stored") == 4
    for said in ("There was no run yet.", "No archive was stored yet.", "knows of none"):
        assert said in page.text
    assert not (site / "state").exists()


def test_page_of_an_empty_ledger(figures: Figures, fill: Fill) -> None:
    fill(0)
    page = Page(render(figures()))

    _check_whole(page)
    assert "There was no run yet." in page.text


def test_single_run(figures: Figures, fill: Fill) -> None:
    fill(1)
    found = figures()
    page = Page(render(found))

    _check_whole(page)
    assert (found.runs, len(found.periods)) == (1, 14)
    assert page.text.count("Fresh2 h 00 min old") == 4


def test_figures_of_a_hundred_nights(figures: Figures, fill: Fill) -> None:
    fill(100)
    found = figures()
    page = Page(render(found))

    _check_whole(page)
    assert found.runs == sum(sum(period.ended.values()) for period in found.periods) == 100
    assert sum(period.size for period in found.periods) > 0
    assert {each.destination: sum(each.counts.values()) for each in found.coverage} == {
        "nas": 178,
        "offsite": 164,
    }
    assert found.coverage[1].counts["bad"] == 4
    assert [each.count for each in found.failures] == [11, 11, 7, 7]
    assert [bool(each.problem) for each in found.unread[:5]] == [True] * 4 + [False]
    assert found.unread[4].verified is None
    assert {(each.source, each.name, each.count) for each in found.series} == {
        (source, name, count)
        for source in ("chem", "bio")
        for name, count in (("user", 45), ("group", 44))
    }
    assert "2 damaged or missing" in page.text
    assert "overdue to be read back" in page.text


def test_run_without_an_end_is_not_finished(figures: Figures, fill: Fill, site: Path) -> None:
    fill(2)
    ledger = Ledger(site / "state" / "ledger.db")
    ledger.begin_run(NOW)
    ledger.close()

    page = Page(render(figures()))

    assert "2 of 4" not in page.text
    assert "not finished 0.0 s ago" in page.text


@pytest.mark.parametrize("apart", [timedelta(hours=1), timedelta(days=1), timedelta(days=30)])
def test_ten_thousand_runs_make_a_small_page(
    figures: Figures, fill: Fill, apart: timedelta
) -> None:
    count = 700 if apart > timedelta(days=2) else 10_000
    fill(count, apart, series=tuple(f"user {number}" for number in range(150)))
    found = figures()
    page = render(found)
    taken_apart = Page(page)

    _check_whole(taken_apart)
    assert found.runs == sum(sum(period.ended.values()) for period in found.periods) == count
    assert 14 <= len(found.periods) <= 60
    assert len(page) < 500_000
    assert taken_apart.svg_elements() < 5000
    assert len(taken_apart.elements) < 12_000
    assert "200 more series" in taken_apart.text


def test_everything_drawn_shows_its_figures(figures: Figures, fill: Fill) -> None:
    fill(100)
    page = render(figures())

    groups = re.findall(r'<g class="hit">(.*?)</g>', page)
    assert groups
    assert all('<text class="figures">' in group for group in groups)
    shown = [re.findall("<tspan[^>]*>(.*?)</tspan>", group) for group in groups]
    assert ["2026-02-23 to 2026-03-01", "6 complete, 1 failed"] in shown


@pytest.mark.parametrize("text", HOSTILE)
def test_what_servers_say_is_data(figures: Figures, fill: Fill, text: str) -> None:
    storable = text.replace("\ud800", "?").replace("\x00", "")
    fill(30, series=(storable,), message=storable)
    found = figures()
    page = render(found)
    taken_apart = Page(page)

    _check_whole(taken_apart)
    assert not re.search("[\x00-\x08\x0e-\x1f\u061c\u2028-\u202e\ud800-\udfff]", page)
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page
    page.encode()


def test_secrets_are_blotted_out(figures: Figures, fill: Fill) -> None:
    fill(30)
    found = figures()
    failed = replace(found.failures[0], message="refused: plainKeyThatNobodySees & co")
    page = render(replace(found, failures=[failed]))

    assert "plainKey" not in page
    assert "refused: *** &amp; co" in page


def test_clock_that_was_wrong_breaks_nothing(figures: Figures, fill: Fill) -> None:
    fill(20, now=NOW + timedelta(days=3000))
    _check_whole(Page(render(figures())))


def _luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(colours: Mapping[str, str], one: str, other: str) -> float:
    dark, light = sorted(_luminance(colours[name]) for name in (one, other))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
def test_colours_can_be_told_from_what_is_behind_them(scheme: int) -> None:
    style = (
        resources.files("labferry.report_page").joinpath("style.css").read_text(encoding="utf-8")
    )
    colours = dict(COLOURS.findall(style.split(":root {")[scheme + 1].split("}")[0]))

    for text in ("text", "faint", "link"):
        assert _contrast(colours, text, "card") >= 4.5
        assert _contrast(colours, text, "page") >= 4.5
    for kind in ("good", "warn", "bad", "off"):
        assert _contrast(colours, f"{kind}-text", f"{kind}-back") >= 4.5
    assert _contrast(colours, "bad-text", "card") >= 4.5
    for drawn in ("good", "warn", "bad", "off", "plain", "week", "month", "quarter", "older"):
        assert _contrast(colours, drawn, "card") >= 3, drawn
    assert _contrast(colours, "never", "card") >= 3
