"""The preflight: whether everything that a store does can be done."""

import secrets
from collections.abc import Iterator

from labferry.sdk import Finding, IntegrityError, LabferryError, Severity
from labferry_sftp.remote import Remote
from labferry_sftp.transfer import send_small


def probe(remote: Remote) -> Iterator[Finding]:
    """Write, read back, rename and delete, and tell what the server can't do.

    Raises:
        LabferryError: What a store would meet.
    """
    token = secrets.token_bytes(32)
    first, second = (remote.path(f".labferry-{secrets.token_hex(8)}.check") for _ in range(2))
    try:
        synced = send_small(remote, first, token)
        remote.rename(first, second)
        if remote.read(second) != token or remote.size(first) is not None:
            raise IntegrityError(f"{remote.root} does not hold what was just written to it.")
        send_small(remote, first, token[::-1])
        keeps = _keeps(remote, first, second, token)
    finally:
        remote.remove(first)
        remote.remove(second)
    free = remote.free(remote.root)
    left = "how much is free it does not say" if free is None else f"{free / 1e9:.1f} GB free"
    yield Finding(
        Severity.OK, f"{remote.describe()}: {remote.root} can be written and read; {left}."
    )
    yield from _shortcomings(synced=synced, keeps=keeps)


def _keeps(remote: Remote, source: str, target: str, token: bytes) -> bool:
    """Whether a rename leaves a file alone that has the name already."""
    try:
        remote.rename(source, target)
    except LabferryError:
        if remote.is_lost:
            raise
    return remote.read(target) == token


def _shortcomings(*, synced: bool, keeps: bool) -> Iterator[Finding]:
    if not synced:
        yield Finding(
            Severity.WARNING,
            "The server can't be asked to force data to its disk (fsync@openssh.com): what was "
            "stored just before a power cut there may be damaged; `labferry verify` finds that.",
        )
    if not keeps:
        yield Finding(
            Severity.WARNING,
            "The server's rename overwrites: labferry looks before it publishes, but let nothing "
            "else write to this folder.",
        )
