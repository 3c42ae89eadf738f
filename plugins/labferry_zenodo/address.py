"""The configured address of a server. Everything is asked of it alone."""

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    import httpx

_EXPECTED = 'an address such as "https://zenodo.org" or "https://sandbox.zenodo.org"'
_HOST = re.compile(r"[\w.:-]+", re.ASCII)
_ZENODO = frozenset({"zenodo.org", "www.zenodo.org", "sandbox.zenodo.org"})


def base_address(text: str) -> str:
    """The address without `/api` and without a slash at the end.

    Raises:
        ValueError: It is no http(s) address, or more than the address of a server.
    """
    url = _parsed(text.strip())
    if url.scheme not in {"http", "https"} or not _HOST.fullmatch(url.raw_host.decode("ascii")):
        raise ValueError(_EXPECTED)
    if url.userinfo:
        raise ValueError("an address without a user name or password")
    if "?" in text or "#" in text:
        raise ValueError("an address without anything behind ? or #")
    path = url.path.rstrip("/").removesuffix("/api").rstrip("/")
    return str(url.copy_with(path=path or "/")).rstrip("/")


def host(base: str) -> str:
    """The server's name."""
    return _parsed(base).host


def is_zenodo(base: str) -> bool:
    """Whether this is Zenodo itself or its sandbox, whose limits and rules are known."""
    return host(base) in _ZENODO


def is_exposed(base: str) -> bool:
    """Whether the token and the archives cross a network unencrypted."""
    url = _parsed(base)
    if url.scheme == "https":
        return False
    try:
        return not ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return url.host != "localhost" and not url.host.endswith(".localhost")


def api_path(*parts: str) -> str:
    """A path below `/api`, each part percent-encoded so that it stays one part."""
    return "/api/" + "/".join(quote(part, safe="") for part in parts)


def _parsed(text: str) -> "httpx.URL":
    # Who has no such destination does without the HTTP client, whose import is slow.
    import httpx  # noqa: PLC0415 - as said

    try:
        return httpx.URL(text)
    except httpx.InvalidURL:
        raise ValueError(_EXPECTED) from None
