"""What the environment says of HTTP: proxies (HTTPS_PROXY, …) and certificates (SSL_CERT_FILE).

A variable that makes no sense is a mistake in the configuration, and is named. Its value is never
shown: the address of a proxy may hold a password.
"""

import functools
import ipaddress
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import certifi
import httpx

from labferry.sdk.errors import ConfigError
from labferry.sdk.files import require_file
from labferry.sdk.http_address import is_host, place
from labferry.sdk.secrets import Secret

__all__ = ["Proxies", "Proxy", "certificates", "require_environment"]

_TLS_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})
_PROXY_HINT = (
    "It must look like http://proxy.example.edu:3128. In a user name or password, write %2F for /, "
    "%40 for @, %3A for : and %23 for #."
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that the environment names.

    Attributes:
        variable: The variable that names it.
        url: Its address, without user name and password.
        auth: User name and password, if there are any.
    """

    variable: str
    url: httpx.URL
    auth: tuple[bytes, bytes] | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, variable: str, text: str) -> Self:
        """Read a variable.

        Raises:
            ConfigError: It is not the address of a proxy.
        """
        try:
            url = httpx.URL(text if "://" in text else f"http://{text}")
        except (httpx.InvalidURL, ValueError):
            url = httpx.URL()
        if url.scheme not in _SCHEMES or not is_host(url) or url.path.strip("/") or url.query:
            raise ConfigError(
                f"The environment variable {variable} is not the address of a proxy.",
                hint=_PROXY_HINT,
            )
        bare = url.copy_with(username=None, password=None)
        if url.scheme.startswith("socks") and find_spec("socksio") is None:
            raise ConfigError(
                f"The environment variable {variable} names a SOCKS proxy.",
                hint="Install the Python package socksio, or use an HTTP proxy.",
            )
        if not url.userinfo:
            return cls(variable, bare)
        Secret.plain(url.password)
        Secret.plain(url.userinfo.decode("ascii").partition(":")[2])
        return cls(variable, bare, (url.username.encode(), url.password.encode()))

    def __str__(self) -> str:
        return f"The proxy {place(self.url)} (environment variable {self.variable})"


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which proxy a request goes through.

    The rule: the variable of the URL's scheme (`https_proxy`, `http_proxy`), else `all_proxy`; in
    lower case first, then in upper case. `no_proxy` lists hosts, domains (all below them, too),
    addresses and networks (`10.0.0.0/8`), each with a port if wanted, that are reached directly;
    `*` stands for all. What makes no sense there matches nothing.
    """

    by_scheme: Mapping[str, Proxy]
    direct: tuple[str, ...]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the variables.

        Raises:
            ConfigError: One of them is not the address of a proxy.
        """
        found = {}
        for scheme in ("http", "https"):
            proxy = _named(environ, f"{scheme}_proxy") or _named(environ, "all_proxy")
            if proxy is not None:
                found[scheme] = proxy
        direct = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        return cls(found, tuple(part for part in re.split(r"[,\s]+", direct.lower()) if part))

    def of(self, url: httpx.URL) -> Proxy | None:
        """The proxy for a request; None if it goes to the server directly."""
        proxy = self.by_scheme.get(url.scheme)
        if proxy is None or any(_matches(entry, url) for entry in self.direct):
            return None
        return proxy


def _named(environ: Mapping[str, str], name: str) -> Proxy | None:
    for variable in (name, name.upper()):
        if variable in environ:
            text = environ[variable].strip()
            return Proxy.parse(variable, text) if text else None
    return None


def _matches(entry: str, url: httpx.URL) -> bool:
    if entry == "*":
        return True
    name = entry.partition("://")[2] or entry
    network = _network(name)
    if network is None:
        host, colon, port = name.rpartition(":")
        if colon and port.isdigit():
            if int(port) != (url.port or {"http": 80, "https": 443}.get(url.scheme)):
                return False
            name = host
        network = _network(name.strip("[]"))
    if network is not None:
        try:
            return ipaddress.ip_address(url.host) in network
        except ValueError:
            return False
    domain = name.removeprefix("*").lstrip(".")
    return bool(domain) and (url.host == domain or url.host.endswith(f".{domain}"))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def certificates(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the well-known authorities, this machine's own, and those of `ca_file`.

    With `SSL_CERT_FILE` or `SSL_CERT_DIR` in the environment, those replace the well-known ones.

    Raises:
        ConfigError: A file can't be read, or holds no certificate.
    """
    return _context(ca_file, *(os.environ.get(name) for name in _TLS_VARIABLES))


def require_environment() -> None:
    """Make sure that the variables make sense, before anything is asked of a server.

    Raises:
        ConfigError: One does not.
    """
    Proxies.from_environment()
    certificates(None)


@functools.cache
def _context(
    ca_file: Path | None, env_file: str | None, env_folder: str | None, key_log: str | None
) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context()
    except OSError as error:
        raise ConfigError(
            f"The file {key_log}, which the environment variable SSLKEYLOGFILE names, can't be "
            f"written: {error.strerror}."
        ) from None
    if env_file:
        name = f"The file {env_file}, which the environment variable SSL_CERT_FILE names,"
        _load(context, Path(env_file), name)
    elif env_folder:
        if not any(Path(folder).is_dir() for folder in env_folder.split(os.pathsep)):
            raise ConfigError(
                f"The environment variable SSL_CERT_DIR names {env_folder}, which is not a folder."
            )
    else:
        context.load_verify_locations(cafile=certifi.where())
    if ca_file is not None:
        _load(context, ca_file, f"ca_file {ca_file}")
    return context


def _load(context: ssl.SSLContext, file: Path, name: str) -> None:
    try:
        require_file(file)
        context.load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise ConfigError(f"{name} holds no certificate.", hint="It must be in PEM form.") from None
    except OSError as error:
        raise ConfigError(f"{name} can't be read: {error.strerror}.") from None
