"""SHA-256 that the server itself computes: by a command of its own, or by the extension check-file.

A server that never answers, or hangs up, must cost little: it is asked once, for a limited time,
and what it answered holds for its later connections too.
"""

import hashlib
import re
import secrets
import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncssh

from labferry.sdk import LabferryError
from labferry_sftp.checkfile import Hashed, check_file, offers_check_file

if TYPE_CHECKING:
    from labferry_sftp.remote import Remote

# What the slowest server is expected to digest in a second.
_SLOWEST = 2_000_000
_ASKING_SECONDS = 15.0
_OF_NOTHING = hashlib.sha256().hexdigest()
_SHA256 = re.compile(r"\\?([0-9a-f]{64}) ")


class ServerHashing:
    """What a server says of its files.

    Args:
        remote: The server.
        keepalive: How many seconds it may be silent otherwise.
        patience: How many seconds it may take to begin to compute.
    """

    def __init__(self, remote: "Remote", keepalive: float, patience: float) -> None:
        self._remote = remote
        self._keepalive = keepalive
        self._patience = patience

    @property
    def is_offered(self) -> bool:
        """Whether the server computes SHA-256."""
        abilities = self._remote.abilities
        if abilities.hashing is None:
            # Noted first: the answer may be that the server hangs up.
            abilities.hashing = "none"
            if self._has_sha256sum():
                abilities.hashing = "sha256sum"
            elif self._has_check_file():
                abilities.hashing = "check-file"
        return abilities.hashing != "none"

    def of(self, path: str, size: int) -> Sequence[Hashed]:
        """What the server itself says of a file.

        Args:
            path: The file.
            size: How long it is.

        Returns:
            The SHA-256 of each part, in order; nothing if the server does not say.
        """
        if not self.is_offered:
            return []
        work = (
            self._sha256sum if self._remote.abilities.hashing == "sha256sum" else self._check_file
        )
        seconds = self._patience + size / _SLOWEST
        try:
            found = self._remote.ask(lambda ssh: work(ssh, path, size), seconds)
        except LabferryError:  # of this file, it does not say
            return []
        if found is None:
            self._remote.abilities.hashing = "none"
        return found or []

    def _has_sha256sum(self) -> bool:
        with suppress(LabferryError):
            printed = self._remote.ask(lambda ssh: _printed(ssh, "sha256sum"), _ASKING_SECONDS)
            # Of nothing: an account without a shell may answer with anything, but not with that.
            return (printed or "").startswith(_OF_NOTHING)
        return False

    def _has_check_file(self) -> bool:
        missing = self._remote.path(f".labferry-{secrets.token_hex(8)}.check")
        with suppress(LabferryError):
            return bool(
                self._remote.ask(lambda ssh: offers_check_file(ssh, missing), _ASKING_SECONDS)
            )
        return False

    async def _sha256sum(
        self, ssh: asyncssh.SSHClientConnection, path: str, size: int
    ) -> list[Hashed]:
        found = _SHA256.match(await _printed(ssh, f"sha256sum -- {shlex.quote(path)}"))
        if found is None:
            raise ValueError("not a SHA-256")
        return [Hashed(0, size, found[1])]

    async def _check_file(
        self, ssh: asyncssh.SSHClientConnection, path: str, size: int
    ) -> list[Hashed]:
        # ProFTPD gives no sign of life while it computes; that it ends is seen to by `ask`.
        ssh.set_keepalive(0)
        try:
            return await check_file(ssh, path, size)
        finally:
            ssh.set_keepalive(self._keepalive)


async def _printed(ssh: asyncssh.SSHClientConnection, command: str) -> str:
    """The first characters that a command prints, enough for a SHA-256: some print without end."""
    process = await ssh.create_process(command, stdin=asyncssh.DEVNULL)
    try:
        # A backslash may stand before the SHA-256, and a blank follows.
        return str(await process.stdout.readexactly(66))
    finally:
        process.close()
