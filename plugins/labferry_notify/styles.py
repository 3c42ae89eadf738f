"""What the monitors of each style want to be asked for when there is something to report.

The facts are those of https://healthchecks.io/docs/http_api/, of Uptime Kuma's monitors of type
"Push", and of https://cronitor.io/docs/telemetry-api.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from labferry_notify.wording import shortened

if TYPE_CHECKING:
    import httpx

Style = Literal["healthchecks", "uptime-kuma", "cronitor", "plain"]

_BODY_MOST = 90_000
"""Bytes; healthchecks.io keeps 100 kB of what it is sent."""
_CRONITOR_MOST = 2000
_KUMA_MOST = 250
"""Bytes; it stands in the address, and on one line of a page."""
_EXIT_CODE_MOST = 255


class Kind(StrEnum):
    """What there is to tell."""

    START = "start"
    SUCCESS = "success"
    UNFINISHED = "unfinished"
    FAILURE = "failure"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Signal:
    """Something to tell a monitor.

    Attributes:
        kind: What it is.
        run_id: A UUID that is the same for the beginning and the end of a run.
        exit_code: What the run exits with, at its end.
        seconds: How long it took, at its end.
        summary: The same in a sentence.
        text: All there is to say of it.
    """

    kind: Kind
    run_id: str
    exit_code: int = 0
    seconds: float = 0.0
    summary: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask a monitor for. The address is a secret.

    Attributes:
        takes_pages: Whether a good answer may be a web page.
    """

    method: str
    url: "httpx.URL"
    body: bytes = b""
    takes_pages: bool = False


def _healthchecks(url: "httpx.URL", signal: Signal) -> Request | None:
    suffix = {Kind.START: "/start", Kind.UNFINISHED: "/log", Kind.TEST: "/log"}.get(signal.kind, "")
    if signal.kind is Kind.FAILURE:
        has_code = 0 < signal.exit_code <= _EXIT_CODE_MOST
        suffix = f"/{signal.exit_code}" if has_code else "/fail"
    target = url.copy_with(path=url.path.rstrip("/") + suffix)
    body = shortened(signal.text, _BODY_MOST).encode()
    return Request("POST", target.copy_merge_params({"rid": signal.run_id}), body)


def _uptime_kuma(url: "httpx.URL", signal: Signal) -> Request | None:
    status = {Kind.SUCCESS: "up", Kind.FAILURE: "down"}.get(signal.kind)
    if status is None:
        return None
    query = {
        "status": status,
        "msg": shortened(signal.summary, _KUMA_MOST),
        "ping": f"{signal.seconds * 1000:.0f}",
    }
    return Request("GET", url.copy_merge_params(query))


def _cronitor(url: "httpx.URL", signal: Signal) -> Request | None:
    states = {Kind.START: "run", Kind.SUCCESS: "complete", Kind.FAILURE: "fail"}
    state = states.get(signal.kind)
    if state is None:
        return None
    query = {"state": state, "series": signal.run_id}
    if signal.kind is not Kind.START:
        query |= {
            "message": shortened(signal.summary, _CRONITOR_MOST),
            "metric": f"duration:{signal.seconds:.3f}",
            "status_code": str(signal.exit_code),
        }
    return Request("GET", url.copy_merge_params(query))


def _plain(url: "httpx.URL", signal: Signal) -> Request | None:
    return Request("GET", url, takes_pages=True) if signal.kind is Kind.SUCCESS else None


STYLES: "Mapping[Style, Callable[[httpx.URL, Signal], Request | None]]" = {
    "healthchecks": _healthchecks,
    "uptime-kuma": _uptime_kuma,
    "cronitor": _cronitor,
    "plain": _plain,
}
"""By style: what to ask for to tell something; None where the style has no word for it."""
