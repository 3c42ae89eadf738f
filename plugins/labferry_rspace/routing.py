"""Where a download link leads, and whether a key may go there.

The rules, for links that the server gives and for redirects alike:

- A link to the API's own download, whatever address the server believes to have, is asked for at
  the configured address, with the key.
- Any other link is a presigned one, to where the server keeps its archives: no key goes there.
- It must be `https`, unless the configured address is not. A redirect from `https` never leads to
  `http`. Neither carries user information.
- A redirect is followed only three times. It keeps the key only as long as it stays with the API
  at the configured origin, and never gets it back.
"""

import re
from dataclasses import dataclass, replace

import httpx

from labferry.sdk import InvalidAnswerError
from labferry.sdk.http_address import origin, web_address
from labferry_rspace.address import Address

_OWN = re.compile(r".*/api/v1/export/[\w\-.]+/?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """A place to download from.

    Attributes:
        url: Its URL.
        keyed: Whether the key goes along.
    """

    url: httpx.URL
    keyed: bool

    @property
    def place(self) -> str:
        """It, in words that may be shown: no query, which in presigned links is a secret."""
        return str(self.url.copy_with(query=None, fragment=None))


def route(address: Address, link: str) -> Target:
    """Where a link that the server gave leads.

    Raises:
        InvalidAnswerError: Nowhere that labferry goes.
    """
    url = web_address(link)
    rebased = address.rebase(link) if url and _OWN.fullmatch(url.path) else None
    if rebased:
        return Target(httpx.URL(rebased), keyed=True)
    return Target(_checked(address, link, address.url), keyed=False)


def redirect(address: Address, target: Target, location: str) -> Target:
    """Where a redirect leads.

    Raises:
        InvalidAnswerError: Nowhere that labferry goes.
    """
    try:
        joined = str(target.url.join(location))
    except httpx.InvalidURL:
        joined = ""
    url = _checked(address, joined, target.url)
    stays = origin(url) == address.origin and _OWN.fullmatch(url.path) is not None
    return replace(target, url=url, keyed=target.keyed and stays)


def _checked(address: Address, link: str, came_from: httpx.URL) -> httpx.URL:
    url = web_address(link)
    if url is None:
        raise InvalidAnswerError(f"{address.base} gave a download link that is not a web address.")
    if url.userinfo:
        raise InvalidAnswerError(
            f"{address.base} gave a download link to {url.host} with a user name in it."
        )
    if url.scheme == "http" and "https" in {came_from.scheme, address.url.scheme}:
        raise InvalidAnswerError(
            f"{address.base} gave a download link to {url.host} that is not encrypted.",
            hint="If a proxy in front of RSpace adds TLS, RSpace's own setting server.urls.prefix "
            "must begin with https.",
        )
    return url.copy_with(fragment=None)
