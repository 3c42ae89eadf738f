"""What asyncssh and sockets raise, as labferry's errors."""

import socket
from collections.abc import Iterator

import asyncssh
from asyncssh import sftp

from labferry.sdk import (
    ConflictError,
    FullError,
    InvalidAnswerError,
    LabferryError,
    NotFoundError,
    RefusedError,
    TransientError,
    redact,
)

_FULL = "Free some space on the server or have the quota raised."
_SFTP: tuple[tuple[tuple[type[Exception], ...], type[LabferryError], str], ...] = (
    ((sftp.SFTPNoSuchFile, sftp.SFTPNoSuchPath, FileNotFoundError), NotFoundError, ""),
    (
        (sftp.SFTPPermissionDenied, sftp.SFTPWriteProtect, PermissionError),
        RefusedError,
        "Give the account on the server read and write access to the folder.",
    ),
    ((sftp.SFTPNoSpaceOnFilesystem, sftp.SFTPQuotaExceeded), FullError, _FULL),
    ((sftp.SFTPFileAlreadyExists, FileExistsError), ConflictError, ""),
    ((sftp.SFTPOpUnsupported, sftp.SFTPBadMessage), InvalidAnswerError, ""),
    (
        (asyncssh.ProtocolError, asyncssh.ProtocolNotSupported, asyncssh.KeyExchangeFailed),
        InvalidAnswerError,
        "Is it an SSH server, and one that is not too old?",
    ),
    (
        (asyncssh.ChannelOpenError,),
        RefusedError,
        "Has the account the SFTP subsystem, and does the server allow one session more?",
    ),
)
_SPACE_WORDS = ("no space", "disk full", "disk is full", "quota", "not enough space")


def bare_failure(error: BaseException) -> bool:
    """Whether the server said no more than that it failed (SSH_FX_FAILURE)."""
    return any(isinstance(each, sftp.SFTPFailure) for each in _chain(error))


def is_answer(error: BaseException) -> bool:
    """Whether the server answered that it can't or won't, rather than the line being at fault."""
    lost = (sftp.SFTPConnectionLost, sftp.SFTPNoConnection)
    return any(
        isinstance(each, sftp.SFTPError) and not isinstance(each, lost) for each in _chain(error)
    )


def is_unsupported(error: BaseException) -> bool:
    """Whether the server does not know the request."""
    return any(isinstance(each, sftp.SFTPOpUnsupported) for each in _chain(error))


def classified(error: Exception, doing: str) -> LabferryError:
    """The error of labferry's that another one is.

    Args:
        error: What was raised.
        doing: What could not be done and where, as the beginning of a sentence.
    """
    reason = _reason(error)
    if isinstance(error, TimeoutError):
        return TransientError(f"{doing} failed: the server did not answer in time.")
    if isinstance(error, socket.gaierror):
        return _unknown_host(error, doing)
    if bare_failure(error) and any(word in reason.casefold() for word in _SPACE_WORDS):
        return FullError(f"{doing} failed: {reason}.", hint=_FULL)
    for kinds, kind, hint in _SFTP:
        if any(isinstance(each, kinds) for each in _chain(error)):
            return kind(f"{doing} failed: {reason}.", hint=hint)
    return TransientError(f"{doing} failed: {reason}.")


def _unknown_host(error: socket.gaierror, doing: str) -> LabferryError:
    reason = error.strerror or "its name can't be looked up"
    if error.errno == socket.EAI_AGAIN:
        return TransientError(f"{doing} failed: {reason}.")
    return NotFoundError(f"{doing} failed: {reason}.", hint="Is `host` written correctly?")


def _reason(error: Exception) -> str:
    text = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error)
    if isinstance(error, OSError) and error.filename:
        text = f"{error.filename}: {text}"
    return redact(str(text)).strip().rstrip(".") or type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
