"""The way to a server: the hosts to go through, and what `ssh_config` says of each."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address

import asyncssh

from labferry.sdk import ConfigError, home_file
from labferry_sftp.places import Place, hops
from labferry_sftp.settings import SftpSettings

_PORT = 22


@dataclass(frozen=True, slots=True)
class Target:
    """A host on the way, or the server itself.

    Attributes:
        place: It as the settings or `ProxyJump` name it, which `Host` blocks are matched with.
        host: The name or address that is connected to.
        port: Its port.
        alias: The name that its key is known by, where that is another one.
        hops: The hosts that `ssh_config` leads through to get there.
        proxy_command: The command that `ssh_config` reaches it with.
        has_ciphers: Whether `ssh_config` says which ciphers to use.
    """

    place: Place
    host: str
    port: int
    alias: str | None = None
    hops: tuple[Place, ...] = ()
    proxy_command: str | None = None
    has_ciphers: bool = False

    @property
    def known_name(self) -> str:
        """The name that its key is known by, without the port."""
        return self.alias or self.host

    @property
    def known_as(self) -> str:
        """What stands for it in a file of known hosts."""
        if self.alias or self.port == _PORT:
            return self.known_name
        return f"[{self.host}]:{self.port}"

    @property
    def has_name(self) -> bool:
        """Whether it is not just an address."""
        try:
            ip_address(self.host)
        except ValueError:
            return True
        return False


def config_files(settings: SftpSettings) -> list[str]:
    """The files that `ssh_config` stands for."""
    if not settings.ssh_config:
        return []
    if settings.ssh_config is True:
        usual = home_file("~/.ssh/config", "ssh_config")
        return [str(usual)] if usual.exists() else []
    return [str(settings.ssh_config)]


def route(settings: SftpSettings) -> tuple[Target, ...]:
    """Every host on the way in turn, and the server at the end.

    As with OpenSSH, the first of the hosts may itself be reached through others.

    Raises:
        ConfigError: `ssh_config` can't be read or followed.
    """
    files = config_files(settings)
    place = Place(settings.host, settings.port, settings.username)
    through = hops(settings.proxy_jump) if settings.proxy_jump else ()
    return _route(place, through, lambda each: _target(each, settings, files), ())


def _route(
    place: Place,
    through: tuple[Place, ...],
    find: Callable[[Place], Target],
    met: tuple[Place, ...],
) -> tuple[Target, ...]:
    if place in met:
        raise ConfigError(
            f"ProxyJump of `ssh_config` leads in a circle, by way of {place}.",
            hint="Set ProxyJump to none for the hosts on the way, before it is set for all.",
        )
    last = find(place)
    first, *others = through or last.hops or (None,)
    if first is None:
        return (last,)
    before = _route(first, (), find, () if through else (*met, place))
    return (*before, *map(find, others), last)


def _target(place: Place, settings: SftpSettings, files: list[str]) -> Target:
    if not files:
        place = replace(place, user=place.user or settings.username)
        return Target(place, place.host, place.port or _PORT)
    try:
        found = _options(place, files)
        jump, command = found.config.get("ProxyJump"), found.config.get("ProxyCommand")
        through = hops(str(jump)) if jump else ()
    except (OSError, ValueError) as error:
        raise ConfigError(f"`ssh_config` can't be followed for {place}: {error}.") from error
    if jump and command:
        raise ConfigError(
            f"`ssh_config` gives {place} both a ProxyJump and a ProxyCommand.",
            hint="Set one of them to none in the first block for this host.",
        )
    is_short = place.host.count(".") <= found.canonicalize_max_dots
    if is_short and found.canonicalize_hostname and found.canonical_domains:
        raise ConfigError(
            f"`ssh_config` has CanonicalizeHostname for {place}, which labferry does not follow.",
            hint="Write the whole name.",
        )
    user = place.user or found.config.get("User") or settings.username
    return Target(
        replace(place, user=None if user is None else str(user)),
        found.host,
        found.port,
        alias=found.host_key_alias,
        hops=through,
        proxy_command=str(command) if command else None,
        has_ciphers=found.config.get("Ciphers") is not None,
    )


def _options(place: Place, files: list[str]) -> asyncssh.SSHClientConnectionOptions:
    """What asyncssh makes of the files for a host; no key is read for it."""
    given = {"host": place.host, "port": place.port, "username": place.user}
    options = asyncssh.SSHClientConnectionOptions(
        config=files,
        client_keys=None,
        client_host_keysign=False,
        x509_trusted_certs=[],
        x509_trusted_cert_paths=[],
        **{key: value for key, value in given.items() if value is not None},
    )
    if options.config.has_match_final():
        options.update(reload=True, final=True)
    return options
