"""The keys of a source and the users they belong to: one lane for each user."""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from labferry.sdk import InvalidAnswerError, Names, RefusedError, Secret
from labferry.sdk.quoting import quote
from labferry_rspace.client import Client
from labferry_rspace.people import full_name

_logger = logging.getLogger(__name__)


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
            hint="An export can be followed only with a key of the account that began it.",
        )

    def _find(self) -> None:
        """Ask for every key's owner; nothing is kept of an attempt that did not end."""
        owners: dict[str, Owner] = {}
        refusals: list[Refusal] = []
        for name, secret in self._named():
            try:
                owner = self._ask(name, secret.reveal())
            except RefusedError as error:
                refusals.append(Refusal(name, error.message))
                continue
            if owner.lane in owners:
                _logger.warning(
                    "Source %s: %s belongs to %s as well and is not needed",
                    self._source,
                    name,
                    owner.lane,
                )
            owners.setdefault(owner.lane, owner)
        if not owners:
            raise _all_refused(self._source, refusals)
        self._owners, self._refusals = owners, refusals

    def _named(self) -> Iterator[tuple[str, Secret]]:
        total = len(self._secrets)
        for number, secret in enumerate(self._secrets, 1):
            which = "the key" if total == 1 else f"key {number} of {total}"
            yield f"{which} from {secret.origin}", secret

    def _ask(self, name: str, key: str) -> Owner:
        if not key.isascii() or not key.isprintable() or " " in key:
            raise RefusedError(
                f"The value of {name} is not an API key; keys consist of letters and digits."
            )
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


def _all_refused(source: str, refusals: Sequence[Refusal]) -> RefusedError:
    reasons = " ".join(refusal.reason for refusal in refusals)
    return RefusedError(
        f"No key of source {source} works. {reasons}",
        hint="A key comes from My RSpace, Profile, of an enabled account, on a server whose API is "
        "switched on.",
    )
