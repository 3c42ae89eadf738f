"""Renders the page: one file that needs no other, no network and no script."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib import resources

import jinja2
from markupsafe import Markup

from labferry.actions.report.figures import Report
from labferry.report_page import sections
from labferry.runtime.units import show_moment, show_seconds, show_size
from labferry.sdk import printable, redact

_LONGEST = 400
"""Characters of a name: some are made by other people's programs."""
# Lines and indents between tags are for whoever reads the templates.
_BETWEEN_TAGS = re.compile(r"(?<=[>}])\n\s*|\n\s*(?=[<{])")


def render(report: Report) -> str:
    """The page.

    Args:
        report: Its figures.
    """
    style = _read("style.css")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = _environment().get_template("page.html")
    return f"{page.render(report=report, style=Markup(style), style_digest=digest)}\n"  # noqa: S704 - our own file


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _BETWEEN_TAGS.sub("", _read(name))),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
    )
    filters: Mapping[str, object] = {
        "exact": _exact,
        "moment": show_moment,
        "name": _shortened,
        "rate": sections.show_rate,
        "seconds": show_seconds,
        "size": show_size,
    }
    environment.filters.update(filters)
    environment.globals["section"] = sections
    # A macro returns one text; these make a list of what their macros return.
    macros = environment.get_template("macros.html").module
    for one in ("name", "number"):
        environment.globals[f"{one}s"] = _each(getattr(macros, one))
    return environment


def _each(macro: Callable[[object], Markup]) -> Callable[[Iterable[object]], list[Markup]]:
    return lambda values: [macro(value) for value in values]


def _shown(value: object) -> object:
    """What an expression of a template puts into the page, before it is escaped.

    All text goes through here: secrets are blotted out, and what can't be printed is escaped.
    """
    if isinstance(value, float):
        return f"{round(value, 2):g}"
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "\n".join(map(printable, redact(value).split("\n")))


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"


def _exact(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _read(name: str) -> str:
    return resources.files("labferry.report_page").joinpath(name).read_text(encoding="utf-8")
