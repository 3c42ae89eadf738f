"""A real OpenSSH server on loopback, with host keys and accounts of its own."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.needs import require_program

from labferry.sdk import JsonValue

from .processes import free_port, listens, running
from .ssh_keys import make_key, public_key

_PACKAGES = "openssh-server openssh-client"
_CONFIG = """
ListenAddress 127.0.0.1
Port {port}
{host_keys}
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
AuthorizedKeysFile {home}/authorized_keys
TrustedUserCAKeys {home}/user_ca.pub
PasswordAuthentication no
KbdInteractiveAuthentication {keyboard}
MaxStartups 100
{more}
Subsystem {subsystem}
"""


class OpenSsh:
    """A server that can be started.

    Args:
        home: An empty folder for its keys and configuration.
        more: Lines to add to its configuration.
        subsystem: Its SFTP part, with options.
        keyboard: Whether it asks questions to a person to log in.
        host_key_kinds: The kinds of host keys that it shows.
    """

    def __init__(
        self,
        home: Path,
        *,
        more: str = "",
        subsystem: str = "sftp internal-sftp",
        keyboard: bool = False,
        host_key_kinds: tuple[str, ...] = ("ed25519", "ecdsa"),
    ) -> None:
        require_program("sshd", _PACKAGES)
        self.home = home
        self.port = free_port()
        self.user = getpass.getuser()
        self.host_keys = [make_key(home / f"host_{kind}", kind=kind) for kind in host_key_kinds]
        self.key = make_key(home / "client")
        self.user_ca = make_key(home / "user_ca")
        (home / "authorized_keys").write_text(public_key(self.key) + "\n")
        self.known_hosts = home / "known_hosts"
        self.known_hosts.write_text(self.known_line(self.host_keys[0]) + "\n")
        self._write_config(more, subsystem, keyboard=keyboard)

    def known_line(self, host_key: Path) -> str:
        return f"[127.0.0.1]:{self.port} {public_key(host_key)}"

    def settings(self, path: Path | str, **changes: JsonValue) -> dict[str, JsonValue]:
        """A destination's table; a change to None leaves the key out."""
        table = {
            "type": "sftp",
            "host": "127.0.0.1",
            "port": self.port,
            "username": self.user,
            "path": str(path),
            "private_key": str(self.key),
            "known_hosts": str(self.known_hosts),
            **changes,
        }
        return {key: value for key, value in table.items() if value is not None}

    @contextmanager
    def running(self, *before: str) -> Iterator["OpenSsh"]:
        """Started, by way of another command if one is given."""
        program = require_program("sshd", _PACKAGES)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd insists on it
        command = [*before, program, "-D", "-e", "-f", str(self.home / "sshd_config")]
        with running(command, self.home / "sshd.log", lambda: listens(self.port)):
            yield self

    def _write_config(self, more: str, subsystem: str, *, keyboard: bool) -> None:
        text = _CONFIG.format(
            port=self.port,
            home=self.home,
            host_keys="\n".join(f"HostKey {key}" for key in self.host_keys),
            more=more,
            keyboard="yes" if keyboard else "no",
            subsystem=subsystem,
        )
        (self.home / "sshd_config").write_text(text)
