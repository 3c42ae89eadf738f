"""Connecting: jump hosts, host keys, login, and the fsspec filesystem over it all."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncssh
from sshfs import SSHFileSystem  # type: ignore[import-untyped]  # it ships no type information
from typing_extensions import override

from labferry.sdk import LabferryError, RefusedError
from labferry_sftp.credentials import auth_failure, login_options
from labferry_sftp.hostkeys import HostKeys
from labferry_sftp.loop import LoopThread
from labferry_sftp.problems import classified
from labferry_sftp.settings import SftpSettings

__all__ = ["Connection"]

# A third of the work of the default cipher where the processor has AES instructions.
_CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"
_LOST_AFTER = 3
_CLOSING_SECONDS = 5.0

ResultT = TypeVar("ResultT")


class _OneChannel:
    """Gives sshfs one SFTP channel for everything: servers may allow few, and one is enough."""

    def __init__(self, client: asyncssh.SSHClientConnection, **_: object) -> None:
        self._client = client
        self._sftp: asyncssh.SFTPClient | None = None

    async def start(self) -> asyncssh.SFTPClient:
        if self._sftp is None:
            self._sftp = await self._client.start_sftp_client()
        return self._sftp

    @asynccontextmanager
    async def get(self) -> AsyncIterator[asyncssh.SFTPClient]:
        yield await self.start()

    async def close(self) -> None:
        if self._sftp is not None:
            self._sftp.exit()


class _Files(SSHFileSystem):  # type: ignore[misc]  # as above
    """fsspec's filesystem over a connection that is there already, made with care for its keys."""

    def connect(
        self,
        _host: str,
        pool_type: type[_OneChannel],
        connect_args: dict[str, Any],
        **_: object,
    ) -> tuple[asyncssh.SSHClientConnection, _OneChannel]:
        client = connect_args["client"]
        return client, pool_type(client)


class Connection:
    """A connection to a destination's server.

    Args:
        settings: The destination's settings.
        loop: Where the connection lives.

    Attributes:
        host_keys: The host keys that are trusted.
        files: The filesystem of fsspec's, for its coroutines.
        sftp: The SFTP client below it, for what fsspec has no words for.
        ssh: The SSH connection below that.
    """

    files: Any
    sftp: asyncssh.SFTPClient
    ssh: asyncssh.SSHClientConnection

    def __init__(self, settings: SftpSettings, loop: LoopThread) -> None:
        self.host_keys = HostKeys(settings)
        self._settings = settings
        self._loop = loop
        self._open: list[asyncssh.SSHClientConnection] = []

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
            for hop in self._settings.proxy_jump.split(",") if self._settings.proxy_jump else ():
                self._jump(hop.strip())
            self._log_in()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it, whatever state it is in."""
        while self._open:
            with suppress(Exception):  # what is lost already can't be closed politely
                self._loop.run(_closed(self._open.pop()), 2 * _CLOSING_SECONDS)

    def _log_in(self) -> None:
        settings = self._settings
        place = _Place(settings.host, settings.port, settings.username)
        self.ssh = self._connect(place, jump=False)
        self.files = _Files(
            place.host,
            client=self.ssh,
            loop=self._loop.loop,
            pool_type=_OneChannel,
            skip_instance_cache=True,
        )
        try:
            self.sftp = self._run(self._first_channel())
        except Exception as error:
            raise classified(error, f"Opening an SFTP session at {place}") from error

    def _jump(self, hop: str) -> None:
        user, _, address = hop.rpartition("@")
        host, _, port = address.partition(":")
        user = user or self._settings.username or ""
        self._connect(_Place(host, int(port) if port else None, user or None), jump=True)

    def _connect(self, place: "_Place", *, jump: bool) -> asyncssh.SSHClientConnection:
        plain = self._options(place, pinned=not jump)
        login = login_options(self._settings, jump=jump)
        try:
            connection = self._run(_connected(place.host, {**plain, **login}))
        except asyncssh.HostKeyNotVerifiable as error:
            if self.host_keys.may_have_another:
                return self._connect(place, jump=jump)
            raise self._explained(error, place, plain) from error
        except Exception as error:
            raise self._explained(error, place, plain) from error
        self.host_keys.stranger = None
        self._open.append(connection)
        return connection

    def _options(self, place: "_Place", *, pinned: bool) -> dict[str, Any]:
        settings, seconds = self._settings, self._settings.connect_timeout.total_seconds()
        config = settings.ssh_config
        options = {
            **self.host_keys.options(place.host, place.port, pinned=pinned),
            "config": () if config is True else [str(config)] if config else [],
            "connect_timeout": seconds,
            "login_timeout": seconds,
            "keepalive_interval": settings.keepalive.total_seconds(),
            "keepalive_count_max": _LOST_AFTER,
            "encryption_algs": _CIPHERS,
            "port": place.port,
            "username": place.user,
            "tunnel": self._open[-1] if self._open else None,
        }
        return {key: value for key, value in options.items() if value is not None}

    def _explained(self, error: Exception, place: "_Place", plain: dict[str, Any]) -> LabferryError:
        if isinstance(error, LabferryError):
            return error
        if isinstance(error, asyncssh.PermissionDenied):  # the host key was accepted before
            offered = self._methods(place.host, plain)
            return auth_failure(str(place), self._settings, offered)
        if self.host_keys.stranger is not None:  # also where the server has no other kind to show
            return self.host_keys.stranger.error
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            return RefusedError(
                f"Connecting to {place} failed: {error.reason}.",
                hint="Ask the server's administrator which host key is right.",
            )
        return classified(error, f"Connecting to {place}")

    def _methods(self, host: str, plain: dict[str, Any]) -> list[str]:
        """The methods that the server offers to log in with; asked only where that failed.

        No secret is sent for this, and the host key was verified a moment ago.
        """
        known = {key: plain[key] for key in ("port", "username", "tunnel") if key in plain}
        with suppress(Exception):  # it is only to tell more of a failure
            asked = asyncssh.get_server_auth_methods(host, config=plain["config"], **known)
            return [each for each in self._run(asked) if each]
        return []

    async def _first_channel(self) -> asyncssh.SFTPClient:
        async with self.files._pool.get() as sftp:  # noqa: SLF001 - sshfs has no public word for it
            opened: asyncssh.SFTPClient = sftp
        return opened

    def _run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        return self._loop.run(work, self._settings.connect_timeout.total_seconds() + 1)


async def _connected(host: str, options: dict[str, Any]) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(host, **options)


async def _closed(connection: asyncssh.SSHClientConnection) -> None:
    """Close a connection, politely as long as the other side listens."""
    connection.close()
    try:
        await asyncio.wait_for(connection.wait_closed(), _CLOSING_SECONDS)
    except TimeoutError:
        connection.abort()
        await connection.wait_closed()


@dataclass(frozen=True, slots=True)
class _Place:
    host: str
    port: int | None
    user: str | None

    @override
    def __str__(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user or getpass.getuser()}@{shown}" + (f":{self.port}" if self.port else "")
