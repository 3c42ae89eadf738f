"""Bars below the messages on a terminal. rich imports slowly: import this only when needed."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import IO

from rich.console import Console, RenderableType
from rich.file_proxy import FileProxy
from rich.live import Live
from typing_extensions import override

_INTERVAL = 1 / 8
"""Seconds."""


@contextmanager
def drawn(picture: RenderableType) -> Iterator[None]:
    """Draw something below whatever is written to stderr, again and again until the block ends.

    A terminal that can't move its cursor shows nothing of it.

    Args:
        picture: What to draw, as it is at the time.
    """
    console = Console(file=sys.stderr)
    if console.is_dumb_terminal:
        yield
        return
    # rich's own thread may draw while a message is on its way, and leave a dead line behind. Here
    # only one at a time gets to draw or to write.
    lock, ended = threading.RLock(), threading.Event()
    live = Live(
        picture,
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )

    def draw() -> None:
        while not ended.wait(_INTERVAL):
            with lock:
                live.refresh()

    artist = threading.Thread(target=draw, name="progress", daemon=True)
    messages = _Messages(console, sys.stderr, lock)
    with redirect_stderr(messages):
        with lock:
            live.start()
        artist.start()
        try:
            yield
        finally:
            ended.set()
            artist.join()
            with lock:
                live.stop()
            messages.flush()


class _Messages(FileProxy):
    """Takes the place of stderr, and puts whole lines above what is drawn."""

    def __init__(self, console: Console, file: IO[str], lock: threading.RLock) -> None:
        super().__init__(console, file)
        self._lock = lock

    @override
    def write(self, text: str) -> int:
        with self._lock:
            return super().write(text)

    @override
    def flush(self) -> None:
        with self._lock:
            super().flush()
