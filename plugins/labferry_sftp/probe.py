"""The preflight: whether everything that a store does can be done."""

import secrets
from collections.abc import Iterator

from labferry.sdk import Finding, IntegrityError, LabferryError, RefusedError, Severity
from labferry_sftp.remote import Remote
from labferry_sftp.transfer import send_small


def probe(remote: Remote) -> Iterator[Finding]:
    """Write, read back, rename and delete, and tell what the server can't do.

    Raises:
        LabferryError: What a store would meet.
    """
    token = secrets.token_bytes(32)
    first, second = (remote.path(f".labferry-{secrets.token_hex(8)}.check") for _ in range(2))
    synced = send_small(remote, first, token)
    removes = _removes(remote, first)
    keeps = None
    try:
        if removes:
            send_small(remote, first, token)
        remote.rename(first, second)
        if remote.read(second) != token or remote.size(first) is not None:
            raise IntegrityError(f"{remote.root} does not hold what was just written to it.")
        if removes:  # else one more file would stay there
            send_small(remote, first, token[::-1])
            keeps = _keeps(remote, first, second, token)
    finally:
        if removes:
            remote.remove(first)
            remote.remove(second)
    free = remote.free(remote.root)
    left = "how much is free it does not say" if free is None else f"{free / 1e9:.1f} GB free"
    yield Finding(
        Severity.OK, f"{remote.describe()}: {remote.root} can be written and read; {left}."
    )
    yield from _shortcomings(synced=synced, removes=removes, keeps=keeps is not False)


def _removes(remote: Remote, path: str) -> bool:
    """Whether the account may remove a file; it is gone then."""
    try:
        remote.remove(path)
    except RefusedError:
        return False
    return True


def _keeps(remote: Remote, source: str, target: str, token: bytes) -> bool:
    """Whether a rename leaves a file alone that has the name already."""
    try:
        remote.rename(source, target)
    except LabferryError:
        if remote.is_lost:
            raise
    return remote.read(target) == token


def _shortcomings(*, synced: bool, removes: bool, keeps: bool) -> Iterator[Finding]:
    if not synced:
        yield Finding(
            Severity.WARNING,
            "The server can't be asked to force data to its disk (fsync@openssh.com): what was "
            "stored just before a power cut there may be damaged; `labferry verify` finds that.",
        )
    if not removes:
        yield Finding(
            Severity.WARNING,
            "The account may not remove files. Archives are stored, but `retention` and `prune` "
            "can't remove any, and what an upload that broke off left stays, as does a file of 32 "
            "bytes of each check.",
        )
    if not keeps:
        yield Finding(
            Severity.WARNING,
            "The server's rename overwrites: labferry looks before it publishes, but let nothing "
            "else write to this folder.",
        )
