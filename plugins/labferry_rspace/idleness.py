"""Whether the server can tell that nothing of someone's work changed since a moment."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from labferry.sdk import InvalidAnswerError, LabferryError
from labferry_rspace.directory import Directory
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


def is_idle(directory: Directory, order: Order, owner: Owner, since: datetime) -> bool:
    """Whether nothing changed of what an order exports, as far as its owner's key can see.

    True only if all of this holds:

    - The key sees whatever the exported people do: it is their own, or that of the PI of their lab
      group, or a sysadmin's. A lab admin or a collaborator sees too little.
    - No document that the key can read was modified since. That covers what others do to the
      exported people's documents, and documents that links lead to.
    - Nobody whose activity the key sees did anything since but read, search, export and download.
      That covers what leaves no date behind: files, folders, moving, deleting, restoring, sharing.
    - The activity shows an export of the owner's since then, as the last one left it there: so it
      is being recorded, and reaches back far enough.

    Moments are those of the server's clock, as in its Date header, with five minutes to spare.

    A selection is never idle: what it holds may be other people's, whose activity only a sysadmin
    sees, and what a search finds can change without them. What the server does not tell any key
    but a sysadmin's: what others write below a comment, messages that someone received, and what
    others begin or cease to share.

    Args:
        directory: The lists that the owner sees.
        order: What would be exported.
        owner: Whose key it is.
        since: When the last export of the same was asked for, by this machine's clock.
    """
    try:
        return _sees_all(directory, order, owner) and _nothing_since(directory, owner, since)
    except LabferryError as error:
        _logger.info("It is not known whether anything changed: %s", error)
        return False


def _sees_all(directory: Directory, order: Order, owner: Owner) -> bool:
    if order.scope == "selection":
        return False
    if owner.is_sysadmin:
        return True
    if order.scope == "user" and order.id in {None, owner.id}:
        return True
    led = [
        group
        for group in directory.own_groups()
        if group.is_lab and owner.username in group.leaders
    ]
    if order.scope == "user":
        return any(order.id in group.members.values() for group in led)
    chosen = [group for group in led if order.id in {None, group.id}]
    # Who joined or left since then is not in the activity that a PI sees.
    return len(chosen) == 1 and order.members == tuple(sorted(chosen[0].members.values()))


def _nothing_since(directory: Directory, owner: Owner, since: datetime) -> bool:
    asked = datetime.now(UTC)
    newest, server_clock = directory.newest_document()
    if server_clock is None:
        return False
    moment = min(since, since + (server_clock - asked)) - _MARGIN
    if server_clock - moment > _OLDEST or (newest is not None and newest >= moment):
        return False
    recorded = False
    for count, event in enumerate(_events(directory, moment)):
        if count >= _MOST_EVENTS:
            return False
        if event.moment < moment:
            continue
        if event.action not in _HARMLESS:
            return False
        recorded |= event.action == _PROOF and event.username == owner.username
    return recorded


def _events(directory: Directory, moment: datetime) -> Iterator[_Event]:
    # Days are the server's own, wherever that is.
    first_day = (moment - timedelta(days=1)).date().isoformat()
    for item in directory.activities(first_day):
        username, action = item.get("username"), item.get("action")
        at = parsed(item.get("timestamp"))
        if not isinstance(username, str) or not isinstance(action, str) or at is None:
            raise InvalidAnswerError("The server's activity has an entry that can't be read.")
        yield _Event(username, action, at)
