"""The files of known hosts."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from labferry.sdk import ConfigError, home_file

_SYSTEM = Path("/etc/ssh/ssh_known_hosts")
_PORT = 22


@dataclass(frozen=True, slots=True)
class Noted:
    """What the files say of a host.

    Attributes:
        keys: Its keys.
        authorities: Those whose certificates for it count.
        revoked: Keys that count nowhere any more.
    """

    keys: Sequence[asyncssh.SSHKey]
    authorities: Sequence[asyncssh.SSHKey]
    revoked: Sequence[asyncssh.SSHKey]

    @property
    def known(self) -> Sequence[asyncssh.SSHKey]:
        """All that is known of it."""
        return [*self.keys, *self.authorities]


class KnownHosts:
    """What stands in the user's file and the system's, or in another one.

    Args:
        path: The other one.

    Attributes:
        file: Where new lines go.
        entries: All lines, for asyncssh.
    """

    def __init__(self, path: Path | None) -> None:
        self.file = path or home_file("~/.ssh/known_hosts", "known_hosts")
        self.entries = asyncssh.SSHKnownHosts()
        for each in [path] if path else [self.file, _SYSTEM]:
            self._load(each)

    def noted(self, host: str, address: str, port: int) -> Noted:
        """What is known of a host; its address may be empty."""
        keys, authorities, revoked, *_ = self.entries.match(
            host, address, None if port == _PORT else port
        )
        # asyncssh forgets what is revoked for this port alone where nothing else is noted for it.
        more = [self.entries.match(f"[{name}]:{port}", "", None)[2] for name in (host, address)]
        return Noted(keys, authorities, [*revoked, *more[0], *more[1]])

    def add(self, line: str) -> Path:
        """Add a line to the file, which is made if there is none.

        Raises:
            ConfigError: It can't be written.
        """
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "r+b") as file:
                file.seek(0)
                unfinished = file.read()[-1:] not in {b"", b"\n"}
                file.write(b"\n" * unfinished + line.encode() + b"\n")
        except OSError as error:
            raise ConfigError(f"{self.file} can't be written: {error.strerror}.") from error
        return self.file

    def _load(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConfigError(f"{path} can't be read: {error.strerror}.") from error
        for line in text.splitlines():
            with suppress(ValueError):  # as OpenSSH does, a line that is no entry is passed over
                self.entries.load(line)
