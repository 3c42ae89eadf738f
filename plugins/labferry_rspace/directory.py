"""What the server lists: accounts, groups, and the documents that a search finds.

Lists come in pages, and the server makes each page anew. Where its order has ties, or somebody is
deleted meanwhile, an entry can be on two pages and another one on none. So every list is compared
with the number of entries that the server gives for it, and read again from its end if some lack.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Generic, TypeVar

import httpx

from labferry.sdk import InvalidAnswerError
from labferry.sdk.http_headers import server_clock
from labferry.sdk.waiting import pause
from labferry_rspace.answers import Answer
from labferry_rspace.client import Client, usable
from labferry_rspace.people import full_name
from labferry_rspace.throttling import parsed, retry_after

_PAGE_SIZE = 100
_MOST_PAGES = 10_000
# Lists take many requests in a row, which throttling refuses after a few. Starting over from the
# first page would never end, so the waits of its shortest bucket (15 s) are waited out here.
_SHORTEST_WAIT = 0.05
_LONGEST_WAIT = 30.0
_PATIENCE = 1800.0
_READINGS = 4
"""How often a list is read at most until nothing lacks; its direction changes each time."""

_EntryT = TypeVar("_EntryT")
_MadeT = TypeVar("_MadeT")


@dataclass(frozen=True, slots=True)
class Listing(Generic[_EntryT]):
    """What is on all pages of a list.

    Attributes:
        entries: Each once.
        missing: How many more the server says there are.
    """

    entries: Sequence[_EntryT]
    missing: int


@dataclass(frozen=True, slots=True)
class Document:
    """A document that a search finds.

    Attributes:
        created: When it was created, if the server says so.
    """

    id: int
    created: datetime | None


@dataclass(frozen=True, slots=True)
class Account:
    """A user's account.

    Attributes:
        enabled: Whether it is; None where the server does not tell.
        used: Whether its owner ever logged in; nothing can be exported before.
        full_name: The name that people call its owner by, if the server says it.
    """

    id: int
    username: str
    enabled: bool | None
    used: bool
    full_name: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A group and the users in it, by their names.

    Attributes:
        members: The users' ids.
        leaders: The names of its PIs.
        admins: The names of its lab admins, who may see more than other members or not.
        is_lab: Whether it is a lab group, whose PI sees its members' work.
    """

    id: int
    name: str
    members: Mapping[str, int]
    leaders: frozenset[str]
    admins: frozenset[str]
    is_lab: bool

    def is_led_by(self, username: str) -> bool:
        """Whether someone is the PI of this lab group."""
        return self.is_lab and username in self.leaders


class Directory:
    """The lists that one user sees.

    Args:
        client: Speaks to the server.
        key: The user's key.
    """

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._key = key

    def accounts(self) -> Listing[Account]:
        """All accounts of the server; for sysadmins only."""
        # The server's default is to list temporary accounts only.
        query = {"tempAccountsOnly": "false"}
        return self._listed("/sysadmin/users", query, ("users", "creationDate asc"), _account)

    def own_groups(self) -> Iterator[Group]:
        """The groups that the user belongs to."""
        return self._groups("/groups", {})

    def public_groups(self, name: str = "") -> Iterator[Group]:
        """Lab groups with a public profile, by a part of their names."""
        return self._groups("/groups/search", {"query": name} if name else {})

    def group(self, number: int) -> Group | None:
        """A group; None if there is no such group, or the user may not see it."""
        url = self._url(f"/groups/{number}", {})
        answer = self._patiently(url)
        if answer.status == HTTPStatus.NOT_FOUND and answer.problem is not None:
            return None
        return _group(usable(answer, f"Asking {self._base} for group {number}"))

    def documents(self, query: Mapping[str, str]) -> Listing[Document]:
        """All documents that the server gives for a search."""
        # In the order of creation, documents that change meanwhile stay on their page.
        return self._listed("/documents", query, ("documents", "created asc"), _document)

    def newest_document(self) -> tuple[datetime | None, datetime | None]:
        """When any document that the user may read was modified last, and the server's clock.

        Raises:
            InvalidAnswerError: The server does not say when.
        """
        url = self._url("/documents", {"orderBy": "lastModified desc", "pageSize": "1"})
        answer = self._patiently(url)
        page = _page_of(usable(answer, f"Asking {self._base} for the newest document"), self._base)
        now = server_clock(answer.headers)
        documents = _dicts(page.get("documents"))
        if not documents and page.get("totalHits") == 0:
            return None, now
        newest = parsed(documents[0].get("lastModified")) if documents else None
        if newest is None:
            raise InvalidAnswerError(f"{self._base} does not say when a document was modified.")
        return newest, now

    def activities(self, first_day: str, most: int) -> Listing[dict[str, object]]:
        """What was done since a day by those whose activity the user sees, newest first.

        Args:
            first_day: That day, at the server.
            most: How many entries are worth reading; with more than that, there is no telling.

        Raises:
            InvalidAnswerError: There are more.
        """
        query = {"dateFrom": first_day}
        return self._listed(
            "/activity", query, ("activities", "date desc"), lambda item: item, most=most
        )

    def _groups(self, path: str, query: Mapping[str, str]) -> Iterator[Group]:
        found = (_group(item) for item in _dicts(self._get(self._url(path, query))))
        return (group for group in found if group is not None)

    def _listed(
        self,
        path: str,
        query: Mapping[str, str],
        name_and_order: tuple[str, str],
        make: Callable[[dict[str, object]], _MadeT | None],
        *,
        most: int | None = None,
    ) -> Listing[_MadeT]:
        """A whole list, however its pages are cut.

        Args:
            path: Which list.
            query: What narrows it.
            name_and_order: Under which name a page has its entries, and their order.
            make: Reads an entry; None for one that does not count.
            most: How many entries are too many.
        """
        name, order = name_and_order
        found: dict[object, dict[str, object]] = {}
        missing = 0
        for reading in range(_READINGS):
            ordered = {**query, "orderBy": _turned(order) if reading % 2 else order}
            total: int | None = None
            for page in self._pages(path, ordered):
                # What is added later needs not be found, and what goes may have hidden another.
                total = _total(page) if total is None else total
                found.update({_identity(item): item for item in _dicts(page.get(name))})
                if most is not None and max(total, len(found)) > most:
                    raise InvalidAnswerError(f"{self._base} lists more than {most} entries.")
            missing = max(0, (total or 0) - len(found))
            if not missing:
                break
        made = (make(item) for item in found.values())
        return Listing([each for each in made if each is not None], missing)

    def _pages(self, path: str, query: Mapping[str, str]) -> Iterator[dict[str, object]]:
        """All pages, following `next` to the last, and never elsewhere."""
        url = self._url(path, {**query, "pageSize": str(_PAGE_SIZE)})
        seen: set[str] = set()
        while True:
            seen.add(url)
            page = self._page(url)
            yield page
            link = _next(page)
            if link is None:
                return
            url = self._rebased(link, path)
            if url in seen or len(seen) >= _MOST_PAGES:
                raise InvalidAnswerError(f"The pages of {path} on {self._base} never end.")

    def _rebased(self, link: str, path: str) -> str:
        rebased = self._client.address.rebase(link)
        if rebased is None or rebased.partition("?")[0] != self._client.address.api(path):
            raise InvalidAnswerError(
                f"{self._base} gave a link to the next page of {path} that leads elsewhere."
            )
        return rebased

    def _page(self, url: str) -> dict[str, object]:
        return _page_of(self._get(url), self._base)

    def _get(self, url: str) -> object:
        path = httpx.URL(url).path
        return usable(self._patiently(url), f"Asking {self._base} for {path}")

    def _patiently(self, url: str) -> Answer:
        until = time.monotonic() + _PATIENCE
        while True:
            answer = self._client.get(url, self._key)
            wait = retry_after(answer.headers)
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS or wait is None:
                return answer
            wait = max(wait, _SHORTEST_WAIT)
            if wait > _LONGEST_WAIT or time.monotonic() + wait > until:
                return answer
            pause(wait, f"{self._base} allows no more requests yet")

    def _url(self, path: str, query: Mapping[str, str]) -> str:
        return str(httpx.URL(self._client.address.api(path), params=dict(query)))

    @property
    def _base(self) -> str:
        return self._client.address.base


def _dicts(items: object) -> list[dict[str, object]]:
    found = items if isinstance(items, list) else []
    return [item for item in found if isinstance(item, dict)]


def _page_of(document: object, base: str) -> dict[str, object]:
    if not isinstance(document, dict):
        raise InvalidAnswerError(f"{base} answered with JSON that is not a page of a list.")
    return document


def _next(page: Mapping[str, object]) -> str | None:
    links = {item.get("rel"): item.get("link") for item in _dicts(page.get("_links"))}
    link = links.get("next")
    return link if isinstance(link, str) else None


def _total(page: Mapping[str, object]) -> int:
    total = page.get("totalHits")
    return total if type(total) is int else 0


def _turned(order: str) -> str:
    """The same order from its other end."""
    word, _, direction = order.partition(" ")
    return f"{word} {'desc' if direction == 'asc' else 'asc'}"


def _identity(item: Mapping[str, object]) -> object:
    """What makes an entry another one: its id, or all of it where it has none."""
    number = item.get("id")
    return number if type(number) is int else json.dumps(item, sort_keys=True)


def _account(item: Mapping[str, object]) -> Account | None:
    username = item.get("username")
    if not isinstance(username, str):
        return None
    home = item.get("homeFolderId", 0)
    enabled, is_used = _flag(item.get("enabled")), home is not None
    return Account(_id(item), username, enabled, is_used, full_name(item))


def _document(item: Mapping[str, object]) -> Document:
    return Document(_id(item), parsed(item.get("created")))


def _group(item: object) -> Group | None:
    name = item.get("name") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(name, str):
        return None
    members = _dicts(item.get("members"))
    return Group(
        id=_id(item),
        name=name,
        members={str(member.get("username")): _id(member) for member in members},
        leaders=frozenset(
            str(member.get("username")) for member in members if member.get("role") == "PI"
        ),
        admins=frozenset(
            str(member.get("username")) for member in members if member.get("role") == "LAB_ADMIN"
        ),
        is_lab=item.get("type") == "LAB_GROUP",
    )


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _id(item: Mapping[str, object]) -> int:
    number = item.get("id")
    if type(number) is not int:
        raise InvalidAnswerError("The server listed an entry without a numeric id.")
    return number
