"""The configured address of a server, and what becomes of the links it hands out.

Links start with the server's own idea of its address (`server.urls.prefix`), which may be another
host, another scheme or end in `/`. So links to the API keep only what follows `/api/v1/`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

from labferry.sdk.http_address import Origin, is_exposed, origin, server_address, web_address

if TYPE_CHECKING:
    import httpx

_API = "/api/v1"


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
        return cls(server_address(text, _API, '"https://rspace.example.edu"'))

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
        return is_exposed(self.base)

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
