"""The keys of a source and the users they belong to: one lane for each user."""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from labferry.sdk import InvalidAnswerError, Names, RefusedError, Secret
from labferry.sdk.quoting import quote
from labferry_elabftw.client import Client
from labferry_elabftw.problems import judge

_log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class Refusal:
    """A key that does not work.

    Attributes:
        name: Which one, without its value.
        reason: Why.
    """

    name: str
    reason: str


class Credentials:
    """The keys of a source. Each is asked for its owner once; thread-safe.

    Args:
        source: The source's name, for messages.
        secrets: The keys.
        client: Speaks to the server.
    """

    def __init__(self, source: str, secrets: Sequence[Secret], client: Client) -> None:
        self._source = source
        self._secrets = secrets
        self._client = client
        self._lock = threading.Lock()
        self._owners: dict[str, Owner] = {}
        self._refusals: list[Refusal] = []

    def owners(self) -> Sequence[Owner]:
        """The owners of the keys that work, each once.

        Raises:
            RefusedError: No key works.
        """
        with self._lock:
            if not self._owners:
                self._find()
            return tuple(self._owners.values())

    def refusals(self) -> Sequence[Refusal]:
        """The keys that do not work."""
        self.owners()
        return tuple(self._refusals)

    def owner(self, lane: str) -> Owner:
        """The owner who has this lane.

        Raises:
            RefusedError: None of the keys belongs to it.
        """
        for owner in self.owners():
            if owner.lane == lane:
                return owner
        raise RefusedError(
            f"No key of source {self._source} that works belongs to {lane}.",
            hint="An export can be followed only with a key of the user who began it.",
        )

    def _find(self) -> None:
        """Ask for every key's owner; nothing is kept of an attempt that did not end."""
        owners: dict[str, Owner] = {}
        refusals: list[Refusal] = []
        for name, secret in self._named():
            try:
                owner = self._ask(name, secret.reveal())
            except RefusedError as error:
                refusals.append(Refusal(name, str(error)))
                continue
            known = owners.setdefault(owner.lane, owner)
            if known is not owner:
                _log.warning(
                    "Source %s: %s belongs to %s, and so does %s. One key is enough.",
                    self._source,
                    name,
                    owner.name,
                    known.key_name,
                )
        if not owners:
            reasons = " ".join(refusal.reason for refusal in refusals)
            raise RefusedError(f"No key of source {self._source} works. {reasons}")
        self._owners, self._refusals = owners, refusals

    def _named(self) -> Iterator[tuple[str, Secret]]:
        total = len(self._secrets)
        for number, secret in enumerate(self._secrets, 1):
            which = "the key" if total == 1 else f"key {number} of {total}"
            yield f"{which} from {secret.origin}", secret

    def _ask(self, name: str, key: str) -> Owner:
        if not key.isascii() or not key.isprintable() or " " in key:
            raise RefusedError(
                f"The value of {name} is not an API key; keys consist of letters, digits and -."
            )
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
