"""Connecting: jump hosts, host keys, login, and the SFTP session over it all."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import asyncssh
from asyncssh.constants import MSG_IGNORE
from asyncssh.packet import SSHPacketLogger
from typing_extensions import override

from labferry.sdk import LabferryError, RefusedError, redact
from labferry_sftp.credentials import (
    KEYBOARD,
    auth_failure,
    is_of_key_file,
    is_of_login,
    key_file_failure,
    login_options,
    too_many_keys,
)
from labferry_sftp.files import Files
from labferry_sftp.hostkeys import HostKeys, Judge
from labferry_sftp.loop import LoopThread
from labferry_sftp.problems import classified
from labferry_sftp.proxycommand import ProxyCommand
from labferry_sftp.route import Target, config_files, route
from labferry_sftp.session import no_session, said_instead, sftp_session
from labferry_sftp.settings import SftpSettings

# A third of the work of the default cipher where the processor has AES instructions.
_CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"
_NONCE_PER_PACKET = ("-gcm@openssh.com", "-poly1305@openssh.com")
_LOST_AFTER = 3
_CLOSING_SECONDS = 5.0

ResultT = TypeVar("ResultT")


class _Client(asyncssh.SSHClient):
    """Asked by asyncssh about host keys that are in no file, and about questions to a person.

    Attributes:
        was_asked: Whether the server wanted to ask questions.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.was_asked = False

    @override
    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        return self._judge(host, addr, port, key)

    @override
    def kbdint_auth_requested(self) -> None:
        self.was_asked = True  # and not answered: nobody is there


class Connection:
    """A connection to a destination's server.

    Args:
        settings: The destination's settings.
        loop: Where the connection lives.

    Attributes:
        host_keys: The host keys that are trusted.
        files: Its files.
        sftp: The SFTP session below, for what is done with open files.
        ssh: The SSH connection below that.
    """

    files: Files
    sftp: asyncssh.SFTPClient
    ssh: asyncssh.SSHClientConnection

    def __init__(self, settings: SftpSettings, loop: LoopThread) -> None:
        self.host_keys = HostKeys(settings)
        self._settings = settings
        self._loop = loop
        self._open: list[asyncssh.SSHClientConnection] = []
        self._commands: list[ProxyCommand] = []

    @property
    def peer(self) -> tuple[str, int]:
        """The server's name and port, as connected to."""
        return self.ssh.get_extra_info("host"), self.ssh.get_extra_info("port")

    def open(self) -> None:
        """Connect and log in.

        Raises:
            RefusedError: A host key is not trusted, or a login was refused.
            TransientError: The server can't be reached now.
        """
        try:
            *way, target = route(self._settings)
            for each in way:
                self._connect(each, jump=True)
            self._log_in(target)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it, whatever state it is in."""
        while self._open:
            with suppress(Exception):  # what is lost already can't be closed politely
                self._loop.run(_closed(self._open.pop()), 2 * _CLOSING_SECONDS)
        while self._commands:
            self._commands.pop().close()

    def _log_in(self, target: Target) -> None:
        self.ssh = self._connect(target, jump=False)
        try:
            self.sftp = self._run(sftp_session(self.ssh))
        except Exception as error:
            raise self._no_session(error, target) from error
        self.files = Files(self.sftp)

    def _no_session(self, error: Exception, target: Target) -> LabferryError:
        """What to say if the server lets the account in, but speaks no SFTP with it."""
        said = None
        if not isinstance(error, asyncssh.ChannelOpenError):
            with suppress(Exception):  # it is only to say more of a failure
                said = self._run(said_instead(self.ssh))
        return no_session(error, str(target.place), said)

    def _connect(self, target: Target, *, jump: bool) -> asyncssh.SSHClientConnection:
        self.host_keys.stranger = None
        login = login_options(self._settings, jump=jump)
        while True:
            self.host_keys.may_have_another = False
            client = _Client(self.host_keys.judge(target, pinned=not jump))
            options = self._options(target, client, pinned=not jump)
            try:
                connection = self._run(_connected(target.place.host, {**options, **login}))
            except Exception as error:
                if self.host_keys.may_have_another:
                    continue
                raise self._explained(error, target, client, jump=jump) from error
            self._open.append(connection)
            return connection

    def _options(self, target: Target, client: "_Client", *, pinned: bool) -> dict[str, Any]:
        """The options for asyncssh, except those for the login."""
        seconds = self._settings.connect_timeout.total_seconds()
        options = {
            **self.host_keys.options(target, pinned=pinned),
            **self._way(target),
            "client_factory": lambda: client,
            "connect_timeout": seconds,
            "login_timeout": seconds,
            "keepalive_interval": self._settings.keepalive.total_seconds(),
            "keepalive_count_max": _LOST_AFTER,
            # All of these would else be taken from the file. The server needs none of them.
            "agent_forwarding": False,
            "command": None,
            "env": None,
            "request_pty": False,
            "send_env": None,
        }
        return options if target.has_ciphers else {**options, "encryption_algs": _CIPHERS}

    def _way(self, target: Target) -> dict[str, Any]:
        """How to get there; `tunnel` and `proxy_command` would else be taken from the file."""
        way: dict[str, Any] = {
            "config": config_files(self._settings),
            "tunnel": self._open[-1] if self._open else None,
            "proxy_command": None,
        }
        if target.proxy_command and not self._open:
            self._commands.append(ProxyCommand(target.proxy_command))
            way["sock"] = self._commands[-1].socket
        named = {"port": target.place.port, "username": target.place.user}
        return {**way, **{key: value for key, value in named.items() if value is not None}}

    def _explained(
        self, error: Exception, target: Target, client: "_Client", *, jump: bool
    ) -> LabferryError:
        place = target.place
        if isinstance(error, LabferryError):
            return error
        if is_of_key_file(error):
            return key_file_failure(error, str(place))
        if is_of_login(error):  # the host key was accepted before
            return self._login_failure(error, target, client, jump=jump)
        if self.host_keys.stranger is not None:  # also where the server has no other kind to show
            return self.host_keys.stranger.error
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            return RefusedError(
                f"Connecting to {place} failed: {error.reason}.",
                hint="Ask the server's administrator which host key is right.",
            )
        found = classified(error, f"Connecting to {place}")
        if target.proxy_command and self._commands and self._commands[-1].last_line:
            found.hint = f"Its ProxyCommand said: {redact(self._commands[-1].last_line)}"
        return found

    def _login_failure(
        self, error: Exception, target: Target, client: "_Client", *, jump: bool
    ) -> LabferryError:
        place = str(target.place)
        if not isinstance(error, asyncssh.PermissionDenied):
            return too_many_keys(place, self._settings)
        offered = self._methods(target)
        late = client.was_asked and KEYBOARD not in offered
        return auth_failure(place, self._settings, offered, jump=jump, late=late)

    def _methods(self, target: Target) -> list[str]:
        """The methods that the server offers to log in with; asked only where that failed.

        No secret is sent for this, and the host key was verified a moment ago.
        """
        with suppress(Exception):  # it is only to tell more of a failure
            asked = asyncssh.get_server_auth_methods(target.place.host, **self._way(target))
            return [each for each in self._run(asked) if each]
        return []

    def _run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        return self._loop.run(work, self._settings.connect_timeout.total_seconds() + 1)


async def _connected(host: str, options: dict[str, Any]) -> asyncssh.SSHClientConnection:
    connection = await asyncssh.connect(host, **options)
    if connection.get_extra_info("send_cipher").endswith(_NONCE_PER_PACKET):
        _send_no_empty_packets(connection)
    return connection


def _send_no_empty_packets(connection: asyncssh.SSHClientConnection) -> None:
    """Leave out the empty packet that asyncssh sends before each one.

    It keeps those who listen from choosing what a cipher of the kind CBC is begun with (RFC 4251,
    section 9.3.1). Other ciphers begin anew with each packet: there it protects nothing, and
    costs a fifth of an upload's time.
    """
    send_packet = connection.send_packet

    def send(pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None) -> None:
        if pkttype != MSG_IGNORE:
            send_packet(pkttype, *args, handler=handler)

    connection.send_packet = send  # type: ignore[method-assign]  # there is no setting for it


async def _closed(connection: asyncssh.SSHClientConnection) -> None:
    """Close a connection, politely as long as the other side listens."""
    connection.close()
    try:
        await asyncio.wait_for(connection.wait_closed(), _CLOSING_SECONDS)
    except TimeoutError:
        connection.abort()
        await connection.wait_closed()
