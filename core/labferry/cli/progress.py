"""Live bars on a terminal: each export, each download, each destination."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labferry.cli.units import show_seconds, show_size
from labferry.engine.board import Activity, ActivityKind, Board

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

__all__ = ["Bars", "progress_bars"]

_WIDE = 80
"""Columns from which on there is room for bars and rates."""
_BAR = 16
_VERBS = {
    ActivityKind.EXPORT: "exporting",
    ActivityKind.DOWNLOAD: "downloading",
    ActivityKind.STORE: "storing",
    ActivityKind.VERIFY: "reading back",
}
_FULL = 100


@contextmanager
def progress_bars(board: Board, *, wanted: bool) -> Iterator[None]:
    """Show what is on a board until the block ends, if stderr is a terminal that can.

    Args:
        board: What is going on.
        wanted: Whether the caller wants to see it.
    """
    if not (wanted and sys.stderr.isatty()):
        yield
        return
    from labferry.cli.live import drawn  # noqa: PLC0415 - with it comes rich, which is slow

    with drawn(Bars(board)):
        yield


class Bars:
    """The bars of a board, one line for each activity; rich draws them.

    Args:
        board: What is going on.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._begins: dict[tuple[int, ActivityKind], tuple[float, float]] = {}

    def __rich_console__(
        self, console: "Console", options: "ConsoleOptions"
    ) -> "Iterator[RenderableType]":
        from rich.progress_bar import ProgressBar  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415

        is_wide = options.max_width >= _WIDE
        measures = [self._measure(activity) for activity in self._board.current()]
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
            table.add_row(measure.subject, *([bar] if is_wide else []), *columns)
        yield table

    def _measure(self, activity: Activity) -> "_Measure":
        done, total, now = activity.done, activity.total, time.monotonic()
        begun, before = self._begins.setdefault((id(activity), activity.kind), (now, done))
        elapsed = now - begun
        # Within the first second the rate is a guess that jumps.
        speed = (done - before) / elapsed if elapsed > 1 else 0
        left = f"{show_seconds((total - done) / speed)} left" if total and speed > 0 else ""
        subject = f"{_VERBS[activity.kind]} {activity.subject}"
        share = min(_FULL, _FULL * done / total) if total else None
        if activity.kind is ActivityKind.EXPORT:
            return _Measure(subject, share, f"{done:.0f} %", "", left)
        told = f"{show_size(int(done))} of {show_size(int(total or 0))}"
        return _Measure(subject, share, told, f"{show_size(int(speed))}/s" if speed else "", left)


@dataclass(frozen=True, slots=True)
class _Measure:
    """One line in words; the share is in percent, None where nobody knows."""

    subject: str
    share: float | None
    told: str
    rate: str
    left: str

    def texts(self, *, rate: bool) -> tuple[str, ...]:
        return (self.told, self.rate, self.left) if rate else (self.told, self.left)
