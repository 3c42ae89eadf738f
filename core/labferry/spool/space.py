"""Whether the spool has room for what is to be written."""

import shutil
from pathlib import Path

from labferry.sdk import FullError
from labferry.spool.errors import spool_errors

_MARGIN = 64 << 20


def require_space(folder: Path, missing: int, what: str) -> None:
    """Make sure that so many bytes can be written, and some more for others.

    Args:
        folder: The spool's.
        missing: How many bytes.
        what: What needs them, to be named in the error.

    Raises:
        FullError: They can't.
        StateError: The spool can't be used.
    """
    with spool_errors(folder):
        free = shutil.disk_usage(folder).free
    if missing > 0 and missing + min(_MARGIN, missing // 10) > free:
        raise FullError(
            f"{what} needs {missing} more bytes in the spool {folder}, but only {free} are free.",
            hint="Free some, or set spool_dir to a larger disk; the next run goes on.",
        )
