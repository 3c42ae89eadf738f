"""From the settings and the server's lists to the exports to ask for."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Literal, TypeVar

from labferry.sdk import (
    ExportRequest,
    IncompleteError,
    InvalidAnswerError,
    LabferryError,
    Names,
    NotFinishedError,
    NotFoundError,
    RefusedError,
    StoppedError,
)
from labferry.sdk.quoting import quote
from labferry_rspace.directory import Account, Directory, Group, Listing
from labferry_rspace.lanes import Owner
from labferry_rspace.searching import find
from labferry_rspace.settings import RSpaceSettings
from labferry_rspace.submission import Order

_logger = logging.getLogger(__name__)
_MOST_IDS = 2000
_NamedT = TypeVar("_NamedT")


class Planner:
    """What one lane is to export.

    Args:
        settings: The source's settings.
        owner: Whose lane it is.
        directory: The lists that the owner sees.

    Attributes:
        problems: Why a part of what was asked for may be missing from the plan.
        listed: With scope all-users, all-groups, or group without an id: the ids of all that the
            server lists, whatever the settings choose of them; None if that is unknown.
    """

    def __init__(self, settings: RSpaceSettings, owner: Owner, directory: Directory) -> None:
        self._settings = settings
        self._owner = owner
        self._directory = directory
        self._own_groups: Sequence[Group] | None = None
        self._all_accounts: Listing[Account] | None = None
        self.problems: list[LabferryError] = []
        self.listed: frozenset[int] | None = None

    def plan(self) -> Sequence[ExportRequest]:
        """The exports, in the order to ask for them.

        Raises:
            NotFoundError: There is nothing to export: a name is unknown, a search finds nothing.
        """
        match self._settings.scope:
            case "user":
                return [self._user()]
            case "group":
                return self._groups()
            case "selection":
                ids = self._settings.selections
                return list(
                    self._records(f"selection-{_short(sorted(set(ids)))}", "selection", ids)
                )
            case "search":
                return list(self._search())
            case "all-users":
                return list(self._all_users())
            case "all-groups":
                return list(self._all_groups())

    @property
    def search(self) -> dict[str, str]:
        """The search as the server's parameters."""
        given = {
            "query": self._settings.query,
            "advancedQuery": self._settings.advanced_query,
        }
        return {name: text for name, text in given.items() if text}

    def _user(self) -> ExportRequest:
        wanted = self._settings.id
        if wanted is None or wanted == self._owner.username:
            # Several keys export several people's work, and each needs a series of its own.
            several = len(self._settings.keys) > 1
            series = f"user-{self._owner.id}" if several else "user"
            title = f"work of {quote(self._owner.username)}"
            return self._own("user", series, title, self._owner.names)
        if isinstance(wanted, int):
            return self._one_user(wanted, f"user {wanted}", self._user_names(wanted))
        number = self._user_id(wanted)
        return self._one_user(number, wanted, self._user_names(number, wanted))

    def _own(
        self, scope: Literal["user", "group"], series: str, title: str, names: Names
    ) -> ExportRequest:
        """What the key decides: no other lane can ask for it."""
        request = self._order(scope, None).request(series, title, names)
        return replace(request, lane=self._owner.lane)

    def _one_user(self, number: int, name: str, names: Names) -> ExportRequest:
        title = f"work of {quote(name)}"
        return self._order("user", number).request(f"user-{number}", title, names)

    def _user_names(self, number: int, username: str | None = None) -> Names:
        """What a user is called, as far as the server says so: an export needs no names."""
        with _names_may_fail():
            if self._owner.is_sysadmin:
                for account in self._accounts().entries:
                    if account.id == number:
                        return Names(account.username, account.full_name)
            elif username is None:
                for group in self._groups_of_owner():
                    for member, member_id in group.members.items():
                        if member_id == number:
                            return Names(member)
        return Names(username)

    def _user_id(self, username: str) -> int:
        """From the groups that the owner is in, else from the list that sysadmins may see."""
        for group in self._directory.own_groups():
            if username in group.members:
                return group.members[username]
        try:
            accounts = self._accounts()
        except RefusedError:
            raise RefusedError(
                f"User {username!r} shares no group with {self._owner.lane}. Only a sysadmin's key "
                "can look up other users.",
                hint="Set id to the user's numeric id, or use a sysadmin's key from an address "
                "that the server allows.",
            ) from None
        for account in accounts.entries:
            if account.username == username:
                return account.id
        if accounts.missing:
            raise InvalidAnswerError(
                f"The server does not list user {username!r}, but its list also lacks "
                f"{accounts.missing} of the accounts that it counts.",
                hint="Set id to the user's numeric id.",
            )
        raise NotFoundError(
            f"There is no user {username!r}.",
            hint="Set id to a username in quotes, or to a numeric id without quotes.",
        )

    def _groups(self) -> Sequence[ExportRequest]:
        wanted = self._settings.id
        if isinstance(wanted, int):
            return [self._one_group(wanted, None)]
        if wanted is not None:
            return [self._one_group(self._group_id(wanted), wanted)]
        led = self._led()
        if not led:
            raise RefusedError(
                f"{self._owner.lane} is not the PI of any lab group, and id is not set.",
                hint="Set id to the group's id or name, or use the key of its PI.",
            )
        self.listed = frozenset(group.id for group in led)
        if len(led) > 1:
            # Without an id, the server would choose one of them, and another one on another day.
            return [
                replace(self._one_group(group.id, group.name), lane=self._owner.lane)
                for group in led
            ]
        several = len(self._settings.keys) > 1
        series = f"group-of-{self._owner.id}" if several else "group"
        names = Names(group_name=led[0].name)
        title = f"group led by {quote(self._owner.username)}"
        return [self._own("group", series, title, names)]

    def _led(self) -> Sequence[Group]:
        """The lab groups that the owner is the PI of, in the order of their ids."""
        led = [group for group in self._groups_of_owner() if group.is_led_by(self._owner.username)]
        return sorted(led, key=lambda group: group.id)

    def _one_group(self, number: int, name: str | None) -> ExportRequest:
        title = f"group {number if name is None else quote(name)}"
        names = self._group_names(number) if name is None else Names(group_name=name)
        return self._order("group", number).request(f"group-{number}", title, names)

    def _group_names(self, number: int) -> Names:
        """What a group is called, as far as the server says so."""
        with _names_may_fail():
            group = self._directory.group(number)
            if group is not None:
                return Names(group_name=group.name)
        return Names()

    def _group_id(self, name: str) -> int:
        found = {group.id for group in self._directory.own_groups() if group.name == name}
        if not found:
            found = {
                group.id for group in self._directory.public_groups(name) if group.name == name
            }
        if len(found) > 1:
            ids = ", ".join(map(str, sorted(found)))
            raise InvalidAnswerError(f"Several groups are named {name!r}: set id to one of {ids}.")
        if not found:
            raise NotFoundError(
                f"{self._owner.lane} sees no group named {name!r}.",
                hint="RSpace shows a group to others only if it has a public profile. Set id to "
                "the group's numeric id.",
            )
        return found.pop()

    def _search(self) -> Iterator[ExportRequest]:
        words = self._settings.query or self._settings.advanced_query or ""
        found = find(self._directory, self.search)
        if not found.ids:
            raise NotFoundError(
                f"The search for {quote(words)} finds nothing that {self._owner.lane} may read."
            )
        series, title = f"search-{_short(self.search)}", f"search for {quote(words)}"
        if found.doubt:
            title += ", incomplete"
            self.problems.append(_incomplete(words, len(found.ids), found.doubt))
        # Another key may not read all of what this one found, and would then export nothing.
        requests = self._records(series, title, found.ids)
        return (replace(request, lane=self._owner.lane) for request in requests)

    def _records(self, series: str, what: str, ids: Iterable[int]) -> Iterator[ExportRequest]:
        """Records in as many exports as the server's limit takes; the first keeps the name."""
        distinct = list(dict.fromkeys(ids))
        parts = range(0, len(distinct), _MOST_IDS)
        for number, start in enumerate(parts, 1):
            some = distinct[start : start + _MOST_IDS]
            part = f", part {number} of {len(parts)}" if len(parts) > 1 else ""
            suffix = f"-part{number}" if number > 1 else ""
            order = self._order("selection", None, some)
            yield order.request(f"{series}{suffix}", f"{what}{part}: {len(some)} records")

    def _all_users(self) -> Iterator[ExportRequest]:
        listing = self._directory.accounts()
        accounts = {each.id: each for each in sorted(listing.entries, key=lambda each: each.id)}
        if listing.missing:
            self.problems.append(_unseen(len(accounts), listing.missing))
        else:
            self.listed = frozenset(accounts)
        is_known = any(account.enabled is not None for account in accounts.values())
        if not (self._settings.include_disabled or is_known):
            _logger.warning(
                "RSpace does not show which accounts are disabled, so none of them is left out"
            )
        wanted = [
            account
            for account in self._chosen(accounts.values(), _username)
            if self._may_have_work(account)
        ]
        self._must_be_some(wanted)
        return (
            self._one_user(each.id, each.username, Names(each.username, each.full_name))
            for each in wanted
        )

    def _may_have_work(self, account: Account) -> bool:
        if not account.used:
            _logger.info("%s never logged in: there is nothing to export", quote(account.username))
            return False
        return self._settings.include_disabled or account.enabled is not False

    def _all_groups(self) -> Iterator[ExportRequest]:
        own, public = self._directory.own_groups(), self._directory.public_groups()
        groups = {group.id: group for group in (*own, *public)}
        self.listed = frozenset(groups)
        wanted = self._chosen(groups.values(), _group_name)
        self._must_be_some(wanted)
        return (self._one_group(group.id, group.name) for group in wanted)

    def _chosen(self, named: Iterable[_NamedT], name: Callable[[_NamedT], str]) -> list[_NamedT]:
        include, exclude = self._settings.include or ("*",), self._settings.exclude
        return [
            each
            for each in named
            if _matches(name(each), include) and not _matches(name(each), exclude)
        ]

    def _must_be_some(self, wanted: Sequence[object]) -> None:
        if not wanted:
            raise NotFoundError(
                f"Scope {self._settings.scope} finds nothing to export with {self._owner.lane}.",
                hint="Check include and exclude, and what the account may see.",
            )

    def _order(
        self,
        scope: Literal["user", "group", "selection"],
        number: int | None,
        selections: Sequence[int] = (),
    ) -> Order:
        return Order(
            format=self._settings.format,
            scope=scope,
            id=number,
            selections=tuple(selections),
            members=self._members(number) if scope == "group" else (),
            max_link_level=self._settings.max_link_level,
            include_revision_history=self._settings.include_revision_history,
        )

    def _members(self, number: int | None) -> tuple[int, ...]:
        """Who is in a group of the owner's, in order; looked up only where it is needed."""
        if not self._settings.skip_idle:
            return ()
        led = [group for group in self._groups_of_owner() if self._owner.username in group.leaders]
        chosen = [group for group in led if number in {None, group.id}]
        return tuple(sorted(chosen[0].members.values())) if len(chosen) == 1 else ()

    def _accounts(self) -> Listing[Account]:
        if self._all_accounts is None:
            self._all_accounts = self._directory.accounts()
        return self._all_accounts

    def _groups_of_owner(self) -> Sequence[Group]:
        if self._own_groups is None:
            self._own_groups = list(self._directory.own_groups())
        return self._own_groups


@contextmanager
def _names_may_fail() -> Iterator[None]:
    """An export needs no names; but the end of a run is its end."""
    try:
        yield
    except (StoppedError, NotFinishedError):
        raise
    except LabferryError as error:
        _logger.debug("RSpace does not say a name: %s", error)


def _incomplete(words: str, count: int, doubt: str) -> IncompleteError:
    return IncompleteError(
        f"The search for {quote(words)} may match more than the {count} documents that are "
        f"exported: RSpace silently limits the results of a search, and {doubt}.",
        hint="Use a narrower search, or scope user or group.",
    )


def _unseen(shown: int, missing: int) -> IncompleteError:
    return IncompleteError(
        f"RSpace counts {shown + missing} accounts but lists only {shown} of them, also after "
        f"several attempts. labferry does not export the work of the other {missing}.",
        hint="This happens if many accounts were created at the same moment. For each missing "
        'user, add a source with scope = "user" and id.',
    )


def _short(value: object) -> str:
    """The same few characters for the same value."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


def _username(account: Account) -> str:
    return account.username


def _group_name(group: Group) -> str:
    return group.name
