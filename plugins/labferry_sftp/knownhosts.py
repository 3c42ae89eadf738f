"""The files of known hosts."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from labferry.sdk import ConfigError, home_file
from labferry.sdk.files import Folder, make_private_folder, take_lock, write_all

_SYSTEM = Path("/etc/ssh/ssh_known_hosts")
_PORT = 22
_LARGEST = 64 << 20


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
        place = self.file.resolve()  # people keep it elsewhere, and a link to it
        try:
            make_private_folder(place.parent)
            with Folder.at(place.parent) as folder, folder.open_or_create(place.name) as file:
                take_lock(file, wait=True)
                is_unfinished = file.readall()[-1:] not in {b"", b"\n"}
                write_all(file, b"\n" * is_unfinished + line.encode() + b"\n")
        except OSError as error:
            raise ConfigError(f"{self.file} can't be written: {error.strerror}.") from error
        return self.file

    def _load(self, path: Path) -> None:
        place = path.resolve()
        try:
            with Folder.at(place.parent) as folder:
                text = folder.read(place.name, _LARGEST).decode(errors="replace")
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConfigError(f"{path} can't be read: {error.strerror}.") from error
        for line in text.splitlines():
            with suppress(ValueError):  # as OpenSSH does, a line that is no entry is passed over
                self.entries.load(line)
