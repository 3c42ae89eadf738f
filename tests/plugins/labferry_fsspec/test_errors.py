import errno
import ftplib
from types import SimpleNamespace

import pytest

from labferry.sdk import (
    FullError,
    LabferryError,
    NotFoundError,
    RefusedError,
    Secret,
    TransientError,
)
from labferry.sdk.fsspec_errors import classified


class FtpRefusal(ftplib.error_perm):
    pass


class FtpTrouble(ftplib.error_temp):
    pass


class DriverError(Exception):
    def __init__(self, **attributes: object) -> None:
        super().__init__("A driver's own kind of error")
        self.__dict__.update(attributes)


def _caused_by(cause: Exception) -> OSError:
    error = OSError(errno.EIO, "Something failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError("x"), NotFoundError),
        (PermissionError("x"), RefusedError),
        (OSError(errno.EROFS, "Read-only file system"), RefusedError),
        (OSError(errno.ENOSPC, "No space left on device"), FullError),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), FullError),
        (NotADirectoryError("x"), LabferryError),
        (OSError(errno.ENAMETOOLONG, "File name too long"), LabferryError),
        (OSError(errno.EIO, "Input/output error"), TransientError),
        (ConnectionResetError("x"), TransientError),
        (TimeoutError("x"), TransientError),
        (EOFError(), TransientError),
        (FtpRefusal("530 Login incorrect."), RefusedError),
        (FtpRefusal("550 Not enough privileges."), RefusedError),
        (FtpRefusal("550 No such file or directory."), NotFoundError),
        (FtpRefusal("552 Quota exceeded."), FullError),
        (FtpRefusal("553 No space left on device."), FullError),
        (FtpTrouble("421 Too many connections."), TransientError),
        (FtpTrouble("452 Insufficient storage."), FullError),
        (DriverError(status=403), RefusedError),
        (DriverError(status_code=404), NotFoundError),
        (DriverError(response=SimpleNamespace(status_code=507)), FullError),
        (DriverError(response=SimpleNamespace(status_code=503)), TransientError),
        (_caused_by(DriverError(response=SimpleNamespace(status_code=401))), RefusedError),
        (
            _caused_by(DriverError(response={"ResponseMetadata": {"HTTPStatusCode": 403}})),
            RefusedError,
        ),
        (DriverError(), TransientError),
        (NotImplementedError(), LabferryError),
        (ValueError("x"), LabferryError),
    ],
)
def test_error_of_a_driver_is_told_apart(error: Exception, kind: type[LabferryError]) -> None:
    assert type(classified(error, "Writing x in nas")) is kind


def test_message_says_what_was_done_and_why_it_failed() -> None:
    error = classified(
        PermissionError(errno.EACCES, "Permission denied", "/x"), "Writing /x in nas"
    )
    assert str(error).startswith("Writing /x in nas failed: [Errno 13] Permission denied: '/x'.")
    assert error.hint


def test_message_without_words_names_the_kind() -> None:
    assert str(classified(EOFError(), "Reading x")) == "Reading x failed: EOFError."


def test_secret_in_a_drivers_words_is_blotted_out() -> None:
    Secret.plain("ftp-pa55word").reveal()
    error = classified(ConnectionError("ftp://user:ftp-pa55word@host"), "Connecting")
    assert "ftp-pa55word" not in str(error)
