"""A terminal: what a program writes to it, and what is to be seen there at each moment."""

import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

_ROWS = 40
_CHUNK = 65536
_PAUSE = 0.02
"""Seconds."""
_PIECES = re.compile(r"(\n|\x1b\[\d*A|\x1b\[2?K|\x1b\[\?25[lh]|\r)")
_UP = re.compile(r"\x1b\[(\d*)A")


@dataclass(frozen=True)
class Recording:
    """What a command wrote.

    Attributes:
        command: The command, as it was typed.
        columns: How wide the terminal was.
        writings: When something was written, in seconds from the beginning, and what.
    """

    command: str
    columns: int
    writings: Sequence[tuple[float, str]]

    def with_other(self, text: str, other: str) -> "Recording":
        """The recording with something else in place of a text."""
        replaced = [(when, written.replace(text, other)) for when, written in self.writings]
        return replace(self, writings=replaced)

    def screens(self) -> Iterator[tuple[float, str]]:
        """What is to be seen after each writing, with colours as escape sequences."""
        screen = _Screen()
        screen.write(f"\x1b[1m$ {self.command}\x1b[0m\n")
        for when, written in self.writings:
            screen.write(written)
            yield when, screen.text


class _Screen:
    """Lines, of which each is written as a whole; enough for what rich and labferry do."""

    def __init__(self) -> None:
        self._lines = [""]
        self._row = 0

    @property
    def text(self) -> str:
        return "\n".join(self._lines).rstrip("\n")

    def write(self, text: str) -> None:
        for piece in _PIECES.split(text):
            if piece == "\n":
                self._row += 1
                self._lines += [""] * (self._row + 1 - len(self._lines))
            elif up := _UP.fullmatch(piece):
                self._row -= int(up[1] or 1)
            elif piece.endswith("K"):
                self._lines[self._row] = ""
            elif piece != "\r" and not piece.startswith("\x1b[?"):
                self._lines[self._row] += piece


def record(
    command: str,
    columns: int,
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
) -> Recording:
    """Run a program at a terminal until it ends.

    Args:
        command: How the command is shown.
        columns: How wide the terminal is.
        arguments: What is really started.
        folder: Where.
        environment: With what environment.
    """
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
    with subprocess.Popen(  # noqa: S603 - the caller's program
        arguments, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        return Recording(command, columns, list(_writings(ours)))


def _writings(terminal: int) -> Iterator[tuple[float, str]]:
    """What is written until everybody has closed the other end, which is an error to Linux."""
    began, written = time.monotonic(), b""
    with suppress(OSError):
        while chunk := os.read(terminal, _CHUNK):
            written += chunk
            # Until there is a pause: nobody sees a screen that is half drawn.
            if not select.select([terminal], [], [], _PAUSE)[0]:
                yield time.monotonic() - began, written.decode().replace("\r\n", "\n")
                written = b""
    yield time.monotonic() - began, written.decode().replace("\r\n", "\n")
    os.close(terminal)
