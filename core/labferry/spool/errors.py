"""What can go wrong with the spool's disk, in labferry's words."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labferry.sdk import FullError, StateError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def spool_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's errors into ours.

    Args:
        path: What is being used: the spool's folder, or a file in it.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            raise FullError(
                f"The spool has no space left for {path}: {reason}.",
                hint="Free some, or set spool_dir to a larger disk; the next run goes on.",
            ) from error
        raise StateError(
            f"The spool can't use {path}: {reason}.",
            hint="spool_dir must be a folder on a working disk that this user can write.",
        ) from error
