"""Trust on first use, where it is asked for."""

from collections.abc import Iterator

from labferry.sdk import Finding, RefusedError, Severity
from labferry_sftp.connection import Connection
from labferry_sftp.hostkeys import Stranger
from labferry_sftp.knownhosts import KnownHosts
from labferry_sftp.loop import LoopThread
from labferry_sftp.settings import SftpSettings


def accept_new_host_keys(name: str, settings: SftpSettings) -> Iterator[Finding]:
    """Note the keys of hosts of which nothing is known yet, until one can log in.

    Args:
        name: The destination's name in the configuration.
        settings: Its settings.

    Raises:
        RefusedError: A key differs from a known one or from `host_key`, or the login was refused.
    """
    loop = LoopThread(f"sftp {name}")
    try:
        while (stranger := _first_stranger(settings, loop)) is not None:
            file = KnownHosts(settings.known_hosts).add(stranger.line)
            yield Finding(
                Severity.WARNING,
                f"Trusted from now on: {stranger.fingerprint}. Compare it with what the server's "
                f"administrator says. Added to {file}: {stranger.line}. If that file lies in the "
                f"state folder, it is lost with it: `host_key` in the configuration is not.",
            )
    finally:
        loop.close()


def _first_stranger(settings: SftpSettings, loop: LoopThread) -> Stranger | None:
    """The first host on the way of which nothing is known; None where one can log in."""
    connection = Connection(settings, loop)
    try:
        connection.open()
    except RefusedError:
        stranger = connection.host_keys.stranger
        if stranger is None or not stranger.new:
            raise
        return stranger
    finally:
        connection.close()
    return None
