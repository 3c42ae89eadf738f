"""The keys of a source and the users they belong to: one lane for each user."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from labferry.sdk import InvalidAnswerError, Names, Secret
from labferry.sdk.key_owners import KeyOwners
from labferry.sdk.quoting import quote
from labferry_rspace.client import Client
from labferry_rspace.people import full_name


@dataclass(frozen=True, slots=True)
class Owner:
    """The user whom a key belongs to.

    Attributes:
        lane: The user and the server, in words that may be shown.
        id: The user's id.
        username: The user's name at the server.
        is_pi: Whether the user may lead groups, if the server says so.
        is_sysadmin: Whether the user sees everything; only if the server says so.
        key: The key.
        full_name: The name that people call the user by, if the server says it.
    """

    lane: str
    id: int
    username: str
    is_pi: bool | None
    is_sysadmin: bool
    key: str = field(repr=False)
    full_name: str | None = None

    @property
    def names(self) -> Names:
        """What the user is called."""
        return Names(self.username, self.full_name)


class Credentials(KeyOwners[Owner]):
    """The keys of a source, and whose they are.

    Args:
        source: The source's name, for messages.
        secrets: The keys.
        client: Speaks to the server.
    """

    hint = (
        "A key comes from My RSpace, Profile, of an enabled account, on a server whose API is "
        "switched on."
    )

    def __init__(self, source: str, secrets: Sequence[Secret], client: Client) -> None:
        super().__init__(source, secrets)
        self._client = client

    @override
    def ask(self, name: str, key: str) -> Owner:
        url = self._client.address.api("/userDetails/whoami")
        user = self._client.fact(url, key, f"Asking {url} who {name} belongs to")
        username = user.get("username") if isinstance(user, dict) else None
        number = user.get("id") if isinstance(user, dict) else None
        if not isinstance(user, dict) or not isinstance(username, str) or type(number) is not int:
            raise InvalidAnswerError(f"{url} does not say whose key this is.")
        lane = f"{quote(username)}@{self._client.address.host}"
        is_sysadmin = user.get("hasSysAdminRole") is True
        is_pi, called = user.get("hasPiRole"), full_name(user)
        return Owner(lane, number, username, is_pi, is_sysadmin, key, full_name=called)
