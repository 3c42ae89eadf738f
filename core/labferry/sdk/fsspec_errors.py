"""What fsspec's many drivers raise, as labferry's errors."""

import errno
from collections.abc import Iterator

from labferry.sdk.disk_errors import ACCESS, FULL, READ_ONLY
from labferry.sdk.errors import (
    ConflictError,
    FullError,
    LabferryError,
    NotFoundError,
    RefusedError,
    TransientError,
)
from labferry.sdk.secrets import redact

__all__ = ["classified"]

_MISUSED = {errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EEXIST}

# RFC 9110 section 15, RFC 4918 section 11.5 (507).
_HTTP: dict[int, type[LabferryError]] = {
    401: RefusedError,
    403: RefusedError,
    405: RefusedError,
    404: NotFoundError,
    410: NotFoundError,
    412: ConflictError,
    413: FullError,
    507: FullError,
}
# RFC 959 section 4.2.
_FTP: dict[str, type[LabferryError]] = {
    "452": FullError,
    "552": FullError,
    "530": RefusedError,
    "532": RefusedError,
}
_HINTS: dict[type[LabferryError], str] = {
    FullError: "Free some space or raise the quota.",
    RefusedError: "Check the credentials, and that they allow to write, read and delete here.",
}


def classified(error: Exception, doing: str) -> LabferryError:
    """The error of labferry's that a driver's error is.

    Args:
        error: What the driver raised.
        doing: What could not be done, as the beginning of a sentence.

    Returns:
        A `TransientError` where nothing better is known of an error that is not a mistake in a
        program: most of what drivers raise of their own kinds are broken connections.
    """
    kind = _kind(error)
    reason = redact(str(error)) or type(error).__name__
    return kind(f"{doing} failed: {reason.rstrip('.')}.", hint=_HINTS.get(kind, ""))


def _kind(error: Exception) -> type[LabferryError]:
    # Only now, as with it comes all of TLS.
    import ftplib  # noqa: PLC0415 - as said

    if isinstance(error, ftplib.Error):
        return _ftp_kind(str(error))
    for status in _statuses(error):
        if status in _HTTP:
            return _HTTP[status]
    if isinstance(error, OSError):
        return _system_kind(error)
    mistakes = (TypeError, ValueError, LookupError, AttributeError, NotImplementedError)
    return LabferryError if isinstance(error, mistakes) else TransientError


def _system_kind(error: OSError) -> type[LabferryError]:
    if isinstance(error, FileNotFoundError):
        return NotFoundError
    if isinstance(error, PermissionError) or error.errno in ACCESS | READ_ONLY:
        return RefusedError
    if error.errno in FULL:
        return FullError
    misused = isinstance(error, FileExistsError | IsADirectoryError | NotADirectoryError)
    return LabferryError if misused or error.errno in _MISUSED else TransientError


def _ftp_kind(text: str) -> type[LabferryError]:
    if text[:3] in _FTP:
        return _FTP[text[:3]]
    if not text.startswith("5"):
        return TransientError
    words = text.lower()
    if "no such" in words or "not found" in words or "not exist" in words:
        return NotFoundError
    return FullError if "space" in words or "quota" in words else RefusedError


def _statuses(error: BaseException | None) -> Iterator[object]:
    """The HTTP status that an error or what caused it carries, wherever its driver keeps it."""
    while error is not None:
        response = getattr(error, "response", None)
        for holder in (error, response):
            yield getattr(holder, "status_code", None)
            yield getattr(holder, "status", None)
        if isinstance(response, dict):
            yield response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        error = error.__cause__
