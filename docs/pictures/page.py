"""Photographs of the report's page, in a real browser."""

from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

_CHROMIUM = "/usr/bin/chromium"
_WIDTH, _HEIGHT = 1000, 1180
_MIDDLE = 14


def photograph(html: str, folder: Path) -> None:
    """Take pictures of a page, in light colours and in dark ones.

    Args:
        html: The page.
        folder: Where to put what begins the page (`report-light.png`, `report-dark.png`), and the
            charts with the mouse on one of them (`charts-light.png`, `charts-dark.png`).
    """
    with sync_playwright() as playwright:
        # The browser's own sandbox needs rights that a container lacks; the page is ours.
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        _take(browser, html, folder, "light")
        _take(browser, html, folder, "dark")
        browser.close()


def _take(browser: Browser, html: str, folder: Path, scheme: Literal["light", "dark"]) -> None:
    context = browser.new_context(
        viewport={"width": _WIDTH, "height": _HEIGHT}, color_scheme=scheme
    )
    page = context.new_page()
    page.set_content(html)
    page.screenshot(path=folder / f"report-{scheme}.png")
    page.locator("section:has(#speed)").evaluate("section => section.scrollIntoView()")
    # An archive in the middle of the first chart of sizes.
    page.locator("section:has(#archives) svg").first.locator(".area").nth(_MIDDLE).hover()
    above = page.locator("section:has(#speed)").bounding_box()
    below = page.locator("section:has(#archives)").bounding_box()
    if above is None or below is None:
        raise RuntimeError("The report has no charts.")
    clip = above | {"height": below["y"] + below["height"] - above["y"]}
    page.screenshot(path=folder / f"charts-{scheme}.png", clip=clip)
    context.close()
