"""Live bars on a terminal: each export, each download, each destination."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labferry.cli.output import shown
from labferry.runtime.progress import Activity, ActivityKind, Progress
from labferry.runtime.units import show_seconds, show_size

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

_WIDE = 80
"""Columns from which on there is room for bars and rates."""
_BAR = 16
_VERBS = {
    ActivityKind.EXPORT: "exporting",
    ActivityKind.DOWNLOAD: "downloading",
    ActivityKind.STORE: "storing",
    ActivityKind.VERIFY: "reading back",
}
_CHECKED = {ActivityKind.DOWNLOAD, ActivityKind.STORE}
"""What is not over when the last byte is there: it is looked into, or read back."""
_FULL = 100
_SOONEST = 1
_LATEST = 100 * 24 * 3600
"""Seconds; what is later is never."""


@contextmanager
def progress_bars(progress: Progress, *, wanted: bool) -> Iterator[None]:
    """Show what is on a progress until the block ends, if stderr is a terminal that can.

    Args:
        progress: What is going on.
        wanted: Whether the caller wants to see it.
    """
    if not (wanted and sys.stderr.isatty()):
        yield
        return
    from labferry.cli.live import drawn  # noqa: PLC0415 - with it comes rich, which is slow

    with drawn(Bars(progress)):
        yield


class Bars:
    """The bars of a progress, one line for each activity; rich draws them.

    Args:
        progress: What is going on.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __rich_console__(
        self, console: "Console", options: "ConsoleOptions"
    ) -> "Iterator[RenderableType]":
        from rich.progress_bar import ProgressBar  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        is_wide = options.max_width >= _WIDE
        now = time.monotonic()
        measures = [_measure(activity, now) for activity in self._progress.current()]
        # What counts is never cut; the names take what is left.
        texts = [measure.texts(rate=is_wide) for measure in measures]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        taken = sum(width + 1 for width in widths) + (_BAR + 1 if is_wide else 0)
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(width=max(1, options.max_width - taken - 1), no_wrap=True)
        if is_wide:
            table.add_column(width=_BAR)
        for width in widths:
            table.add_column(width=width, justify="right", no_wrap=True)
        for measure, columns in zip(measures, texts, strict=True):
            bar = ProgressBar(_FULL, measure.share or 0, _BAR, pulse=measure.share is None)
            table.add_row(Text(shown(measure.subject)), *([bar] if is_wide else []), *columns)
        yield table


@dataclass(frozen=True, slots=True)
class _Measure:
    """One line in words; the share is in percent, None where nobody knows."""

    subject: str
    share: float | None
    amount: str
    rate: str
    left: str

    def texts(self, *, rate: bool) -> tuple[str, ...]:
        return (self.amount, self.rate, self.left) if rate else (self.amount, self.left)


def _measure(activity: Activity, now: float) -> _Measure:
    kind, done, total = activity.kind, activity.done, activity.total
    if activity.waiting_for:
        return _Measure(f"{activity.subject}: waiting: {activity.waiting_for}", None, "", "", "")
    if kind is ActivityKind.PLAN:
        return _Measure(f"asking {activity.subject} what there is", None, "", "", "")
    if kind in _CHECKED and total and done >= total:
        return _Measure(f"checking {activity.subject}", None, show_size(int(total)), "", "")
    subject = f"{_VERBS[kind]} {activity.subject}"
    share = min(_FULL, _FULL * done / total) if total else None
    rest = max(0.0, (total or 0) - done)
    if kind is ActivityKind.EXPORT:
        # A server reports its progress in leaps, minutes apart.
        left = _left(rest, activity.pace.altogether(now, done))
        return _Measure(subject, share, f"{int(share or 0)} %", "", left)
    speed = activity.pace.lately(now, done)
    rate = "" if speed is None else f"{show_size(int(speed))}/s"
    amount = show_size(int(done))
    if total is not None:
        amount += f" of {show_size(int(total))}"
    return _Measure(subject, share, amount, rate, _left(rest, speed))


def _left(rest: float, speed: float | None) -> str:
    """For how long it will go on like this; nothing where that is no use to anybody."""
    seconds = rest / speed if speed else 0
    return f"{show_seconds(seconds)} left" if _SOONEST <= seconds < _LATEST else ""
