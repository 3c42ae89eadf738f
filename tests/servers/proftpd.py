"""A real ProFTPD with mod_sftp on loopback, with an account of its own that has a password."""

import grp
import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.needs import leave_out, require_program

from labferry.sdk import JsonValue

from .processes import free_port, listens, running
from .ssh_keys import make_key, public_key

PASSWORD = "correct-horse-battery"
_PACKAGES = "proftpd-core proftpd-mod-crypto openssh-client openssl"
_CONFIG = """
ModulePath /usr/lib/proftpd
LoadModule mod_sftp.c
ServerType standalone
ServerName test
DefaultAddress 127.0.0.1
SocketBindTight on
Port {port}
UseIPv6 off
User {user}
Group {group}
ScoreboardFile {home}/scoreboard
PidFile {home}/pid
DelayTable {home}/delay
SystemLog {home}/system.log
WtmpLog off
UseReverseDNS off
AuthPAM off
AuthOrder mod_auth_file.c
AuthUserFile {home}/passwd
RequireValidShell off
RootLogin on
AllowStoreRestart on
AllowOverwrite on
MaxInstances 60
SFTPEngine on
SFTPLog {home}/sftp.log
SFTPHostKey {home}/host_rsa
SFTPAuthMethods password
{more}
"""


class ProFtpd:
    """A server that can be started.

    Args:
        home: An empty folder for its keys and configuration.
        more: Lines to add to its configuration.
    """

    def __init__(self, home: Path, *, more: str = "") -> None:
        require_program("proftpd", _PACKAGES)
        if not Path("/usr/lib/proftpd/mod_sftp.so").exists():
            leave_out("mod_sftp of ProFTPD", f"apt-get install {_PACKAGES}")
        self.home = home
        self.port = free_port()
        host_key = make_key(home / "host_rsa", "-b", "3072", "-m", "PEM", kind="rsa")
        self.known_hosts = home / "known_hosts"
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {public_key(host_key)}\n")
        self._write_account()
        self._write_config(more)

    def settings(self, path: Path | str, **changes: JsonValue) -> dict[str, JsonValue]:
        """A destination's table."""
        return {
            "type": "sftp",
            "host": "127.0.0.1",
            "port": self.port,
            "username": "tester",
            "password": PASSWORD,
            "path": str(path),
            "known_hosts": str(self.known_hosts),
            **changes,
        }

    @contextmanager
    def running(self, *before: str) -> Iterator["ProFtpd"]:
        """Started, by way of another command if one is given."""
        program = require_program("proftpd", _PACKAGES)
        command = [*before, program, "--nodaemon", "--config", str(self.home / "proftpd.conf")]
        with running(command, self.home / "proftpd.log", lambda: listens(self.port)):
            yield self

    def _write_account(self) -> None:
        openssl = require_program("openssl", _PACKAGES)
        hashed = subprocess.run(
            [openssl, "passwd", "-6", PASSWORD], capture_output=True, text=True, check=True
        ).stdout.strip()
        passwd = self.home / "passwd"
        passwd.write_text(f"tester:{hashed}:{os.getuid()}:{os.getgid()}::{self.home}:/bin/false\n")
        passwd.chmod(0o600)

    def _write_config(self, more: str) -> None:
        text = _CONFIG.format(
            home=self.home,
            port=self.port,
            more=more,
            user=pwd.getpwuid(os.getuid()).pw_name,
            group=grp.getgrgid(os.getgid()).gr_name,
        )
        (self.home / "proftpd.conf").write_text(text)
