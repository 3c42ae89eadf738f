"""stdin, stdout and stderr, so that nothing that is wrong with them ends a backup.

A stream may be closed, its disk full or its reader gone; its encoding may lack characters. What
can't be written is lost, and the verb goes on. Who needs the output gets to know by the exit code.
"""

import codecs
import errno
import io
import os
import re
import sys

from typing_extensions import override

_ENCODING_ERRORS = "labferry"
_INSTEAD = {"→": "->", "…": "...", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "·": "-"}
# No program of ours commands a terminal by these: C1 controls, DEL, marks that turn the direction
# of text, and what ends a line without being a line feed.
_NEVER = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class SafeStream(io.TextIOWrapper):
    """A text stream that never raises while something is written to it.

    Attributes:
        problem: Why something could not be written; None as long as everything could.
    """

    problem: OSError | None = None

    @override
    def write(self, text: str, /) -> int:
        try:
            super().write(_NEVER.sub(lambda found: ascii(found[0])[1:-1], text))
        except OSError as error:
            self.problem = error
        return len(text)

    @override
    def flush(self) -> None:
        self.problem = self._flush() or self.problem

    def finish(self) -> None:
        """Write out what is left; drop it if that can't be done."""
        failure = self._flush()
        if failure is not None:
            self.problem = failure
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.fileno())
            os.close(nothing)
            self._flush()

    def _flush(self) -> OSError | None:
        try:
            super().flush()
        except OSError as error:
            return error
        return None


def protect_streams() -> None:
    """Make stdout and stderr safe, and see to it that no file of ours gets one of their numbers.

    The system gives the lowest free number to the next file that is opened. Where stderr was
    closed, that would be the ledger, and a library's message would be written into it.
    """
    closed = set()
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # It gets this number, as all lower ones are taken.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - its only way
            closed.add(number)
    codecs.register_error(_ENCODING_ERRORS, _replace)
    sys.stdout = sys.__stdout__ = _safe(sys.stdout, 1)  # type: ignore[misc]  # the old one is gone
    sys.stderr = sys.__stderr__ = _safe(sys.stderr, 2)  # type: ignore[misc]  # as above
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        if number in closed and isinstance(stream, SafeStream):
            stream.problem = OSError(errno.EBADF, os.strerror(errno.EBADF))


def finish_streams() -> OSError | None:
    """Write out what is left, and drop what can't be written, so that Python's end is a quiet one.

    Returns:
        Why something on stdout could not be written; None if everything was.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, SafeStream):
            stream.finish()
    return sys.stdout.problem if isinstance(sys.stdout, SafeStream) else None


def _safe(stream: object, number: int) -> "io.TextIOWrapper":
    if stream is None:
        stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    # Whatever else is there is a test's, or belongs to the program that called.
    if type(stream) is not io.TextIOWrapper:
        return stream  # type: ignore[return-value]  # it is a text stream, as `sys` has it
    is_line_buffered = stream.line_buffering
    encoding = stream.encoding
    return SafeStream(
        stream.detach(),
        encoding=encoding,
        errors=_ENCODING_ERRORS,
        line_buffering=is_line_buffered,
    )


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Say it with the characters that the stream's encoding has."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    said = [_INSTEAD.get(each, ascii(each)[1:-1]) for each in lacking]
    return "".join(said), error.end
