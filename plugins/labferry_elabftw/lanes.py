"""The keys of a source and the users they belong to: one lane for each user."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from labferry.sdk import InvalidAnswerError, Names, Secret
from labferry.sdk.key_owners import KeyOwners
from labferry.sdk.quoting import quote
from labferry_elabftw.client import Client
from labferry_elabftw.problems import judge


@dataclass(frozen=True, slots=True)
class Owner:
    """The user whom a key belongs to.

    Attributes:
        lane: The user and the server, in words that may be shown; it never changes.
        id: The user's id.
        name: The user's full name.
        key: The key.
        key_name: Which key that is, without its value.
        names: What the user is called, if the server says it.
    """

    lane: str
    id: int
    name: str
    key: str = field(repr=False)
    key_name: str
    names: Names = field(default_factory=Names)


class Credentials(KeyOwners[Owner]):
    """The keys of a source, and whose they are.

    Args:
        source: The source's name, for messages.
        secrets: The keys.
        client: Speaks to the server.
    """

    def __init__(self, source: str, secrets: Sequence[Secret], client: Client) -> None:
        super().__init__(source, secrets)
        self._client = client

    @override
    def ask(self, name: str, key: str) -> Owner:
        doing = f"Asking {self._client.address.base} who {name} belongs to"
        answer = self._client.get("/users/me", key)
        user = answer.json if answer.ok else None
        if user is None:
            raise judge(answer, doing)
        number = user.get("userid") if isinstance(user, dict) else None
        if not isinstance(user, dict) or type(number) is not int or number <= 0:
            raise InvalidAnswerError(
                f"{doing} was answered without a user.",
                hint="Check that the url of the source is the address of an eLabFTW server.",
            )
        lane = f"user-{number}@{self._client.address.host}"
        full_name = user.get("fullname")
        title = quote(full_name) or f"user {number}"
        return Owner(lane, number, title, key, name, Names(full_name=full_name))
