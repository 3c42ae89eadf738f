"""What a log line is about: the run, and on each thread the source, archive or destination."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_context: ContextVar[Mapping[str, str]] = ContextVar("labferry_log_context", default={})  # noqa: B039 - never changed in place


@contextmanager
def about(**names: str | None) -> Iterator[None]:
    """Say what this thread's log lines are about until the block ends.

    Args:
        names: `run`, `source`, `archive`, `destination`; None adds nothing.
    """
    known = {name: value for name, value in names.items() if value}
    token = _context.set({**_context.get(), **known})
    try:
        yield
    finally:
        _context.reset(token)


def log_context() -> Mapping[str, str]:
    """What the log lines of this thread are about."""
    return _context.get()
