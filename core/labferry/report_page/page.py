"""The whole page: one file that needs no other, no network and no script."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from importlib import resources

from labferry.report_page.archives import archives, failures
from labferry.report_page.document import Health, Report
from labferry.report_page.markup import Markup, raw, tag
from labferry.report_page.matrix import age, matrix
from labferry.report_page.parts import badge, when
from labferry.report_page.runs import ENDED, runs, speed
from labferry.report_page.units import NONE, show_size
from labferry.report_page.verification import verification

_TITLE = "labferry report"
_PARTS = {
    "freshness": "Freshness",
    "runs": "Runs",
    "speed": "Duration",
    "archives": "Archives",
    "verification": "Verification",
    "failures": "Failures",
}


def render(report: Report) -> str:
    """The page.

    Args:
        report: What it has to tell.
    """
    style = (
        resources.files("labferry.report_page").joinpath("style.css").read_text(encoding="utf-8")
    )
    body = tag(
        "body",
        tag("a", "To the content", class_="skip", href="#content"),
        _header(report),
        tag("main", *_main(report), id="content"),
        _footer(report),
    )
    fresh = f"{_fresh(report)} of {len(report.cells)} fresh"
    page = tag("html", _head(style, f"{_TITLE}: {fresh}"), body, lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _head(style: str, title: str) -> Markup:
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # Whatever got into the page could load nothing and run nothing.
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("meta", name_="referrer", content="no-referrer"),
        tag("meta", name_="robots", content="noindex"),
        # So that no browser asks a server for one.
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", raw(style)),
    )


def _header(report: Report) -> Markup:
    links = [tag("li", tag("a", text, href=f"#{part}")) for part, text in _PARTS.items()]
    made = tag("p", "Made ", when(report.generated), f" UTC from {report.config}", class_="note")
    nav = tag("nav", tag("ul", *links), aria_label="Parts of the report")
    return tag("header", tag("h1", _TITLE), made, nav)


def _main(report: Report) -> Iterator[Markup]:
    yield tag("dl", *_summary(report), class_="summary")
    yield matrix(report)
    yield runs(report)
    yield speed(report)
    yield archives(report)
    yield verification(report)
    yield failures(report)


def _summary(report: Report) -> Iterator[Markup]:
    worst = max((list(Health).index(cell.health) for cell in report.cells), default=0)
    yield _card(
        "Fresh", badge(list(Health)[worst].value, f"{_fresh(report)} of {len(report.cells)}")
    )
    if report.latest:
        run = report.latest[0]
        ago = tag("span", f" {age(run.started, report.generated)} ago", class_="ago")
        yield _card("Last run", badge(run.ended.value, ENDED[run.ended]), ago)
    else:
        yield _card("Last run", "none yet")
    copies = sum(sum(each.counts.values()) for each in report.coverage)
    size = show_size(sum(each.size for each in report.coverage))
    yield _card("Stored", f"{copies} {'copy' if copies == 1 else 'copies'}, {size}")
    recent = sum(each.counts.get(word, 0) for each in report.coverage for word in ("week", "month"))
    share = f"{100 * recent // copies} %" if copies else NONE
    yield _card("Read back in 30 days", share)


def _fresh(report: Report) -> int:
    return sum(cell.health is Health.OK for cell in report.cells)


def _card(title: str, *content: str) -> Markup:
    return tag("div", tag("dt", title), tag("dd", *content))


def _footer(report: Report) -> Markup:
    text = f"labferry {report.version}. All times are UTC. From this machine's ledger alone."
    return tag("footer", tag("p", text, class_="note"))
