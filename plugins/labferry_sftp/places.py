"""Where to connect to, as people write it: `[user@]host[:port]`."""

import getpass
import os
import re
from dataclasses import dataclass

from typing_extensions import override

_HOP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@\s]+)@)?"
    r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<host>[^-:@/\[\]\s][^:@/\[\]\s]*))"
    r"(?::(?P<port>\d{1,5}))?/?"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A server, and an account on it.

    Attributes:
        host: Its name or address.
        port: Its port; None where nothing is said.
        user: The account; None where nothing is said.
    """

    host: str
    port: int | None = None
    user: str | None = None

    @override
    def __str__(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user or _own_name()}@{shown}" + (f":{self.port}" if self.port else "")


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.geteuid()}"


def hops(text: str) -> tuple[Place, ...]:
    """The hosts of a list that is separated by commas, in the form of OpenSSH's `ProxyJump`.

    Raises:
        ValueError: It is no such list.
    """
    return tuple(_hop(each.strip()) for each in text.split(","))


def _hop(text: str) -> Place:
    found = _HOP.fullmatch(text)
    if found is None:
        raise ValueError('"[user@]host[:port]", several of them separated by commas')
    port = found["port"]
    return Place(found["address"] or found["host"], int(port) if port else None, found["user"])
