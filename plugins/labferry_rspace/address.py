"""The configured address of a server, and what becomes of the links it hands out.

Links start with the server's own idea of its address (`server.urls.prefix`), which may be another
host, another scheme or end in `/`. So links to the API keep only what follows `/api/v1/`.
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self, cast

if TYPE_CHECKING:
    import httpx

_API = "/api/v1"
_HOST = re.compile(r"[\w.:-]+", re.ASCII)
_PORTS = {"http": 80, "https": 443}
# What most addresses look like: nothing in it can be written in another way, or left out.
_LABEL = r"[a-z](?:[a-z0-9-]*[a-z0-9])?"
_PLAIN = re.compile(
    rf"(https?://(?:{_LABEL}\.)*{_LABEL}(?::[1-5]?[1-9]\d{{3}})?)((?:/\w[\w.-]*)*/?)", re.ASCII
)

Origin = tuple[str, str, int | None]
"""Scheme, host and port: what a key is bound to."""


def origin(url: "httpx.URL") -> Origin:
    """Where a request to this URL goes."""
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)


@lru_cache
def web_address(text: str) -> "httpx.URL | None":
    """The http(s) URL that a text is; None if it is something else."""
    # To read a configuration takes no HTTP client, whose import is slow.
    import httpx  # noqa: PLC0415 - as said

    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return None
    # httpx escapes what can't be in a host, and lets it pass.
    is_host = _HOST.fullmatch(url.raw_host.decode("ascii"))
    return url if url.scheme in _PORTS and is_host else None


@dataclass(frozen=True, slots=True)
class Address:
    """The configured address of a server.

    Attributes:
        base: It, without `/api/v1` and without a slash at the end.
    """

    base: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address as people write it.

        Raises:
            ValueError: It is no http(s) address, or more than the address of a server.
        """
        plain = _PLAIN.fullmatch(text)
        if plain is not None:
            return cls(plain[1] + _without_api(plain[2]))
        url = web_address(text.strip())
        if url is None:
            raise ValueError('an address such as "https://rspace.example.edu"')
        if url.userinfo:
            raise ValueError("an address without a user name or password")
        if url.query or url.fragment or "?" in text or "#" in text:
            raise ValueError("an address without anything behind ? or #")
        path = _without_api(url.path)
        return cls(str(url.copy_with(path=path or "/")).rstrip("/"))

    @property
    def url(self) -> "httpx.URL":
        """The same, taken apart."""
        return cast("httpx.URL", web_address(self.base))

    @property
    def host(self) -> str:
        """The host, with its port where that is not the scheme's own."""
        return self.url.netloc.decode("ascii")

    @property
    def origin(self) -> Origin:
        """The only place that ever sees a key."""
        return origin(self.url)

    @property
    def is_exposed(self) -> bool:
        """Whether keys and exports cross a network unencrypted."""
        url = self.url
        return url.scheme == "http" and not _is_loopback(url.host)

    def api(self, path: str) -> str:
        """The URL of a path of the API, such as `/status`."""
        return f"{self.base}{_API}{path}"

    def rebase(self, link: str) -> str | None:
        """A link to the API as it reads at the configured address; None if it is no such link."""
        url = web_address(link)
        if url is None:
            return None
        _, found, rest = url.path.partition(f"{_API}/")
        if not found or not rest or url.userinfo:
            return None
        path = url.raw_path.decode("ascii").partition(f"{_API}/")[2]
        return self.api(f"/{path}")


def _without_api(path: str) -> str:
    return path.rstrip("/").removesuffix(_API).rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
