"""The configured address of a server. Everything is asked of it alone."""

from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from labferry.sdk.http_address import server_address, web_address

if TYPE_CHECKING:
    import httpx

_ZENODO = frozenset({"zenodo.org", "www.zenodo.org", "sandbox.zenodo.org"})


def base_address(text: str) -> str:
    """The address without `/api` and without a slash at the end.

    Raises:
        ValueError: It is no http(s) address, or more than the address of a server.
    """
    return server_address(text, "/api", '"https://zenodo.org" or "https://sandbox.zenodo.org"')


def host(base: str) -> str:
    """The server's name."""
    return cast("httpx.URL", web_address(base)).host


def is_zenodo(base: str) -> bool:
    """Whether this is Zenodo itself or its sandbox, whose limits and rules are known."""
    return host(base) in _ZENODO


def api_path(*parts: str) -> str:
    """A path below `/api`, each part percent-encoded so that it stays one part."""
    return "/api/" + "/".join(quote(part, safe="") for part in parts)
