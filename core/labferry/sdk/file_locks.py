"""Locks of files, as the file systems have them: some have none, NFS has its own rules."""

import errno
import fcntl
import io

__all__ = ["lock_is_free", "take_lock"]

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EINVAL}


def take_lock(file: io.IOBase | int, *, wait: bool) -> None:
    """Lock a file that is open for writing; nothing happens if the file system has no locks.

    The lock ends when the file is closed, however the process ends.

    Args:
        file: The file, or its descriptor.
        wait: Whether to wait for whoever has the lock.

    Raises:
        BlockingIOError: Another process has the lock.
        OSError: The lock can't be taken.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def lock_is_free(file: io.IOBase) -> bool | None:
    """Whether nobody has the lock of a file; None if its file system has no locks.

    Args:
        file: The file, open for reading. If the lock is free, it is held from now on, shared
            with others who look.
    """
    try:
        # NFS gives no exclusive lock for a file that is open for reading only. A shared one meets
        # a writer's as well.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True
