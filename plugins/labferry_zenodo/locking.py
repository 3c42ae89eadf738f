"""One writer at a time on this machine: the servers do not keep two from each other's way.

Two writers of one archive would make two drafts, two of one series as many versions as there are
requests under way.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labferry.sdk import StateError, TransientError


@contextmanager
def only_writer(what: str, name: str) -> Iterator[None]:
    """Be the only one on this machine, under this account, who writes something.

    The lock ends with the process, however that ends.

    Args:
        what: The thing, without doubt which.
        name: The same for people.

    Raises:
        TransientError: Somebody else is at it.
        StateError: The lock can't be taken.
    """
    digest = hashlib.sha256(what.encode()).hexdigest()[:32]
    path = Path(tempfile.gettempdir()) / f"labferry-zenodo-{os.getuid()}-{digest}.lock"
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        lock = os.open(path, flags, 0o600)
    except OSError as error:
        raise StateError(f"The lock file {path} can't be opened: {error.strerror}.") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TransientError(f"{name} is being written by another labferry now.") from None
        yield
    finally:
        os.close(lock)
