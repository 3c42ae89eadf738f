"""The page in a real browser."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request

from labferry.actions.report import report
from labferry.actions.stores import open_stores
from labferry.reporting.page import render

from .conftest import NOW, Fill

Show = Callable[..., Page]
NAMES = ("user", "group 7", "w" * 300, "<b>bold</b>")


@pytest.fixture
def file(site: Path, fill: Fill) -> Path:
    """A page with a lot on it, and long names."""
    fill(400, series=NAMES, message="no" * 300)
    found = report(open_stores(site / "labferry.toml"), timedelta(hours=26), NOW)
    file = site / "report.html"
    file.write_text(render(found), encoding="utf-8")
    return file


@pytest.fixture
def show(browser: Browser, file: Path) -> Iterator[Show]:
    """Open the page; in the end, nothing was complained of and nothing else was asked for."""
    complaints: list[str] = []
    requests: list[str] = []
    contexts = []

    def note_request(request: Request) -> None:
        requests.append(request.url)

    def show(width: int = 1200, **context: str) -> Page:
        viewport = {"width": width, "height": 800}
        contexts.append(browser.new_context(viewport=viewport, **context))  # type: ignore[arg-type] # settings by name
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", note_request)
        page.goto(file.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert complaints == []
    assert {*requests} == {file.as_uri()}


def test_it_is_drawn(show: Show) -> None:
    page = show()

    assert page.title() == "labferry report"
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("navigation", name="Parts of the report").is_visible()
    assert page.get_by_role("table", name="Sources by destinations").is_visible()
    boxes = [chart.bounding_box() for chart in page.locator("svg.chart").all()]
    assert len(boxes) == 4 + 8
    assert all(box and box["width"] > 200 and box["height"] > 90 for box in boxes)
    heights = page.locator("rect.complete").evaluate_all("e => e.map(x => x.getBBox().height)")
    assert max(heights) > 50


@pytest.mark.parametrize("width", [320, 360, 768, 1200])
def test_the_page_is_never_wider_than_the_window(show: Show, width: int) -> None:
    page = show(width)

    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= page.evaluate("document.documentElement.clientWidth") == width


def test_what_is_too_wide_scrolls_by_itself_with_the_keyboard_too(show: Show) -> None:
    page = show(360)
    region = page.get_by_role("region", name="Failures, the newest first")

    region.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_it_is_dark_where_that_is_preferred(show: Show) -> None:
    def background(page: Page) -> list[int]:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return [int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")]

    assert min(background(show(color_scheme="light"))) > 200
    assert max(background(show(color_scheme="dark"))) < 60


def test_it_needs_no_scripts(browser: Browser, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    page.get_by_text("Figures").first.click()
    assert page.get_by_role("table", name="Runs per 7 days, as figures").is_visible()
    context.close()


def test_charts_tell_more_under_the_mouse(show: Show) -> None:
    page = show()
    column = page.locator("svg.chart g.hit").last

    title = column.locator("title").text_content()
    assert title
    assert "MB" in title
    before = column.locator(".area").evaluate("e => getComputedStyle(e).fill")
    column.hover()
    assert column.locator(".area").evaluate("e => getComputedStyle(e).fill") != before


def test_it_prints(show: Show, tmp_path: Path) -> None:
    page = show(color_scheme="dark")

    printed = page.pdf(format="A4", print_background=True)
    assert printed.startswith(b"%PDF")
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_what_servers_say_is_not_run(show: Show) -> None:
    page = show()
    assert page.locator("b").count() == 0
    assert page.get_by_text("<b>bold</b>").count() > 0


def test_ten_thousand_runs_open_quickly(browser: Browser, site: Path, fill: Fill) -> None:
    fill(10_000, timedelta(hours=1), series=tuple(f"user {number}" for number in range(40)))
    found = report(open_stores(site / "labferry.toml"), timedelta(hours=26), NOW)
    file = site / "report.html"
    file.write_text(render(found), encoding="utf-8")

    page = browser.new_page()
    page.goto(file.as_uri())

    timing = "performance.getEntriesByType('navigation')[0].loadEventEnd"
    assert 0 < page.evaluate(timing) < 5000
    assert page.locator("svg.chart").count() == 16
    page.close()
