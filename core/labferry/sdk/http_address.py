"""Addresses of servers as people write them, and what they say.

Apart from `labferry.sdk.http`, as to read a configuration takes no HTTP client, whose import is
slow.
"""

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import httpx

__all__ = ["Origin", "is_exposed", "is_host", "origin", "place", "server_address", "web_address"]

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


def is_host(url: "httpx.URL") -> bool:
    """Whether a URL has a host that can be one: httpx escapes what can't, and lets it pass."""
    return _HOST.fullmatch(url.raw_host.decode("ascii")) is not None


def place(url: "httpx.URL") -> str:
    """The server of a URL as it may be shown: nothing of its path, query or user."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


@lru_cache
def web_address(text: str) -> "httpx.URL | None":
    """The http(s) URL that a text is; None if it is something else."""
    import httpx  # noqa: PLC0415 - slow, see above

    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return None
    return url if url.scheme in _PORTS and is_host(url) else None


def server_address(text: str, api: str, example: str) -> str:
    """A server's address, without its API's path and without a slash at the end.

    Args:
        text: What somebody wrote.
        api: The API's path, such as `/api/v1`; it may be part of the text.
        example: What such an address looks like.

    Raises:
        ValueError: It is no http(s) address, or more than the address of a server.
    """
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        return plain[1] + _without(api, plain[2])
    url = web_address(text.strip())
    if url is None:
        raise ValueError(f"an address such as {example}")
    if url.userinfo:
        raise ValueError("an address without a user name or password")
    if url.query or url.fragment or "?" in text or "#" in text:
        raise ValueError("an address without anything behind ? or #")
    path = _without(api, url.path)
    return str(url.copy_with(path=path or "/")).rstrip("/")


def is_exposed(base: str) -> bool:
    """Whether keys and archives cross a network unencrypted on the way to an address."""
    url = cast("httpx.URL", web_address(base))
    return url.scheme == "http" and not _is_loopback(url.host)


def _without(api: str, path: str) -> str:
    return path.rstrip("/").removesuffix(api).rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
