"""Whose the API keys of a source are: each key gives a lane of its owner's."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from labferry.sdk.errors import RefusedError
from labferry.sdk.secrets import Secret

__all__ = ["KeyOwner", "KeyOwners", "RefusedKey"]

_log = logging.getLogger(__name__)


class KeyOwner(Protocol):
    """Who has a key. A class of a plugin's own; it needs this much."""

    @property
    def lane(self) -> str:
        """The lane in which exports with the key run, one at a time: one for each owner."""


OwnerT = TypeVar("OwnerT", bound=KeyOwner)


@dataclass(frozen=True, slots=True)
class RefusedKey:
    """A key that does not work.

    Attributes:
        name: Which one, without its value.
        reason: Why.
    """

    name: str
    reason: str


class KeyOwners(ABC, Generic[OwnerT]):
    """The keys of a source. The server is asked once for the owner of each. Thread-safe.

    Args:
        source: The source's name, for messages.
        secrets: The keys.

    Attributes:
        hint: What to do if no key works.
    """

    hint = ""

    def __init__(self, source: str, secrets: Sequence[Secret]) -> None:
        self._source = source
        self._secrets = secrets
        self._lock = threading.Lock()
        self._owners: dict[str, OwnerT] = {}
        self._refused: list[RefusedKey] = []

    @abstractmethod
    def ask(self, name: str, key: str) -> OwnerT:
        """Ask the server whose key it is.

        Args:
            name: Which one it is, for messages.
            key: The key.

        Raises:
            RefusedError: The key does not work. Other errors end the attempt for all keys.
        """

    def owners(self) -> Sequence[OwnerT]:
        """The owners of the keys that work, each once.

        Raises:
            RefusedError: No key works.
        """
        with self._lock:
            if not self._owners:
                self._find()
            return tuple(self._owners.values())

    def refused(self) -> Sequence[RefusedKey]:
        """The keys that do not work.

        Raises:
            RefusedError: No key works.
        """
        self.owners()
        return tuple(self._refused)

    def owner(self, lane: str) -> OwnerT:
        """The owner who has a lane.

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
        owners: dict[str, OwnerT] = {}
        refused: list[RefusedKey] = []
        for name, secret in self._named():
            key = secret.reveal()
            try:
                if not key.isascii() or not key.isprintable() or " " in key:
                    raise RefusedError(  # noqa: TRY301 - collected like the server's refusals
                        f"The value of {name} is not an API key; keys have no spaces, and no "
                        "characters beyond ASCII."
                    )
                owner = self.ask(name, key)
            except RefusedError as error:
                refused.append(RefusedKey(name, error.message))
                continue
            if owners.setdefault(owner.lane, owner) is not owner:
                _log.warning(
                    "Source %s: %s belongs to %s, as another key does. One key is enough.",
                    self._source,
                    name,
                    owner.lane,
                )
        if not owners:
            reasons = " ".join(each.reason for each in refused)
            raise RefusedError(f"No key of source {self._source} works. {reasons}", hint=self.hint)
        self._owners, self._refused = owners, refused

    def _named(self) -> Iterator[tuple[str, Secret]]:
        total = len(self._secrets)
        for number, secret in enumerate(self._secrets, 1):
            which = "the key" if total == 1 else f"key {number} of {total}"
            yield f"{which} from {secret.origin}", secret
