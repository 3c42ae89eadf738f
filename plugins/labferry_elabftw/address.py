"""The configured address of a server. Links that it gives are never followed.

`Location` begins with the server's own idea of its address (`SITE_URL`), which may be another one
than works. So only the number at its end counts.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

from labferry.sdk.http_address import is_exposed, server_address, web_address

if TYPE_CHECKING:
    import httpx

_API = "/api/v2"
_JOB_AT_END = re.compile(r".*/exports?/(\d{1,18})/?(?:\?.*)?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """The configured address of a server.

    Attributes:
        base: It, without `/api/v2` and without a slash at the end.
    """

    base: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address as people write it.

        Raises:
            ValueError: It is no http(s) address, or more than the address of a server.
        """
        return cls(server_address(text, _API, '"https://elab.example.edu"'))

    @property
    def host(self) -> str:
        """The host, with its port unless that is the scheme's own."""
        return cast("httpx.URL", web_address(self.base)).netloc.decode("ascii")

    @property
    def is_exposed(self) -> bool:
        """Whether keys and exports cross a network unencrypted."""
        return is_exposed(self.base)

    def api(self, path: str) -> str:
        """The URL of a path of the API, such as `/info`."""
        return f"{self.base}{_API}{path}"

    def job(self, number: str) -> str:
        """The URL of an export."""
        return self.api(f"/exports/{number}")


def job_of(link: str) -> str:
    """The number of the export at the end of a link; empty if there is none."""
    match = _JOB_AT_END.fullmatch(link)
    return match[1] if match else ""
