"""A `ProxyCommand` of `ssh_config`: a program that carries the connection."""

import os
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress

from labferry.sdk import redact

_PATIENCE = 2.0
_MOST = 16_384
# What OpenSSH, netcat, cloudflared and their like look at. Keys and passwords that labferry was
# given in its environment are none of the command's business.
_ENVIRONMENT = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"),
        *("ALL_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "https_proxy", "no_proxy"),
        *("SSH_AUTH_SOCK", "SSL_CERT_DIR", "SSL_CERT_FILE"),
    }
)
_PREFIXES = ("KRB5", "LC_", "XDG_")


class ProxyCommand:
    """Run as OpenSSH runs it: by a shell, in whose place it comes.

    Args:
        command: The command, as the file has it.

    Attributes:
        socket: Where what it carries goes in and out.
    """

    def __init__(self, command: str) -> None:
        self.socket, theirs = socket.socketpair()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with all the rest
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - what the user's file says
                ["/bin/sh", "-c", f"exec {command}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._stderr,
                start_new_session=True,
                env=_environment(),
            )

    @property
    def last_line(self) -> str:
        """The last line that it had for people."""
        text = os.pread(self._stderr.fileno(), _MOST, 0).decode(errors="replace")
        return text.strip().rpartition("\n")[2].strip()

    def close(self) -> None:
        """End it, with all that it began."""
        self.socket.close()
        for kind in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, kind)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)
                break
        self._stderr.close()


def _environment() -> dict[str, str]:
    """What the command may see of this process's environment: nothing that holds a secret."""
    return {
        name: value
        for name, value in os.environ.items()
        if (name in _ENVIRONMENT or name.startswith(_PREFIXES)) and redact(value) == value
    }
