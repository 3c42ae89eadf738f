"""Whether the server can tell that nothing of someone's work changed since a moment.

The server is asked once for each key and run: to find the newest document it loads everything that
the key may see, and with an administrator's key that is everything.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from labferry.sdk import InvalidAnswerError, LabferryError, NotFinishedError, StoppedError
from labferry_rspace.directory import Directory, Group
from labferry_rspace.lanes import Owner
from labferry_rspace.submission import Order
from labferry_rspace.throttling import parsed

_logger = logging.getLogger(__name__)
_MARGIN = timedelta(minutes=5)
# The activity goes back 183 days.
_OLDEST = timedelta(days=180)
_HARMLESS = frozenset({"READ", "SEARCH", "EXPORT", "DOWNLOAD"})
_PROOF = "EXPORT"
_MOST_EVENTS = 5000


@dataclass(frozen=True, slots=True)
class _Event:
    username: str
    action: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class _Newest:
    """When any document was modified last.

    Attributes:
        modified: That, by the server's clock; None if there is no document.
        now: When the server was asked, by its clock.
        ahead: How much that is ahead of this machine's clock.
    """

    modified: datetime | None
    now: datetime
    ahead: timedelta


class ChangeWatch:
    """What one key sees of changes at the server, asked for when it is first needed. Thread-safe.

    What changes after that is seen by the next run: it looks at the same time once more.

    Args:
        directory: The lists that the owner sees.
        owner: Whose key it is.
    """

    def __init__(self, directory: Directory, owner: Owner) -> None:
        self._directory = directory
        self._owner = owner
        self._lock = threading.Lock()
        self._failure: LabferryError | None = None
        self._groups: Sequence[Group] | None = None
        self._newest: _Newest | None = None
        self._events: Sequence[_Event] = ()
        self._first_day: date | None = None

    def is_idle(self, order: Order, since: datetime) -> bool:
        """Whether nothing changed of what an order exports, as far as the owner's key can see.

        True only if all of this holds:

        - The key sees whatever the exported people do: it is their own, or that of the PI of their
          lab group, or a sysadmin's. A lab admin or a collaborator sees too little.
        - No document that the key can read was modified since. That covers what others do to the
          exported people's documents, and documents that links lead to.
        - Nobody whose activity the key sees did anything since but read, search, export and
          download. That covers what leaves no date behind: files, folders, moving, deleting,
          restoring, sharing.
        - The activity shows an export of the owner's since then, as the last one left it there: so
          it is being recorded, and reaches back far enough.

        Moments are those of the server's clock, as in its Date header, with five minutes to spare.

        A selection is never idle: what it holds may be other people's, whose activity only a
        sysadmin sees, and what a search finds can change without them. What the server does not
        tell any key but a sysadmin's: what others write below a comment, messages that someone
        received, and what others begin or cease to share.

        Args:
            order: What would be exported.
            since: When the last export of the same was asked for, by this machine's clock.
        """
        with self._lock:
            if self._failure is not None:
                return False
            try:
                return self._sees_all(order) and self._nothing_since(since)
            except (StoppedError, NotFinishedError):
                raise
            except LabferryError as error:
                # To ask again for each of thousands of users would help nobody.
                self._failure = error
                _logger.info("It is not known whether anything changed: %s", error)
                return False

    def _sees_all(self, order: Order) -> bool:
        owner = self._owner
        if order.scope == "selection":
            return False
        if owner.is_sysadmin:
            return True
        if order.scope == "user" and order.id in {None, owner.id}:
            return True
        if self._groups is None:
            self._groups = list(self._directory.own_groups())
        led = [group for group in self._groups if group.is_led_by(owner.username)]
        if order.scope == "user":
            return any(order.id in group.members.values() for group in led)
        chosen = [group for group in led if order.id in {None, group.id}]
        # Who joined or left since then is not in the activity that a PI sees.
        return len(chosen) == 1 and order.members == tuple(sorted(chosen[0].members.values()))

    def _nothing_since(self, since: datetime) -> bool:
        newest = self._newest = self._newest or self._ask_newest()
        moment = min(since, since + newest.ahead) - _MARGIN
        if newest.now - moment > _OLDEST:
            return False
        if newest.modified is not None and newest.modified >= moment:
            return False
        if not _is_quiet(self._events, moment):
            return False
        # Days are the server's own, wherever that is.
        first_day = (moment - timedelta(days=1)).date()
        if self._first_day is None or first_day < self._first_day:
            self._events = self._ask_events(first_day)
            self._first_day = first_day
        return _is_quiet(self._events, moment) and any(
            event.action == _PROOF and event.username == self._owner.username
            for event in self._events
            if event.moment >= moment
        )

    def _ask_newest(self) -> _Newest:
        asked = datetime.now(UTC)
        modified, server_clock = self._directory.newest_document()
        if server_clock is None:
            raise InvalidAnswerError("The server does not say what time it is.")
        return _Newest(modified, server_clock, server_clock - asked)

    def _ask_events(self, first_day: date) -> Sequence[_Event]:
        listing = self._directory.activities(first_day.isoformat(), _MOST_EVENTS)
        if listing.missing:
            raise InvalidAnswerError("The server's activity lacks entries that it counts.")
        return [_event(item) for item in listing.entries]


def _is_quiet(events: Sequence[_Event], moment: datetime) -> bool:
    return all(event.action in _HARMLESS for event in events if event.moment >= moment)


def _event(item: dict[str, object]) -> _Event:
    username, action = item.get("username"), item.get("action")
    at = parsed(item.get("timestamp"))
    if not isinstance(username, str) or not isinstance(action, str) or at is None:
        raise InvalidAnswerError("The server's activity has an entry that can't be read.")
    return _Event(username, action, at)
