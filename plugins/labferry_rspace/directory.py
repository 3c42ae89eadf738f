"""What the server lists: accounts, groups, and the documents that a search finds."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import httpx

from labferry.sdk import InvalidAnswerError, TransientError
from labferry.sdk.http_headers import server_clock
from labferry_rspace.answers import Answer
from labferry_rspace.client import Client, usable
from labferry_rspace.throttling import parsed, retry_after

_PAGE_SIZE = 100
_MOST_PAGES = 10_000
# Lists take many requests in a row, which throttling refuses after a few. Starting over from the
# first page would never end, so the waits of its shortest bucket (15 s) are waited out here.
_SHORTEST_WAIT = 0.05
_LONGEST_WAIT = 30.0
_PATIENCE = 1800.0


@dataclass(frozen=True, slots=True)
class Account:
    """A user's account.

    Attributes:
        enabled: Whether it is; None where the server does not tell.
        used: Whether its owner ever logged in; nothing can be exported before.
    """

    id: int
    username: str
    enabled: bool | None
    used: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A group and the users in it, by their names.

    Attributes:
        members: The users' ids.
        leaders: The names of its PIs.
        is_lab: Whether it is a lab group, whose PI sees its members' work.
    """

    id: int
    name: str
    members: Mapping[str, int]
    leaders: frozenset[str]
    is_lab: bool


class Directory:
    """The lists that one user sees.

    Args:
        client: Speaks to the server.
        key: The user's key.
        stopped: Ends all waiting once it is set.
    """

    def __init__(self, client: Client, key: str, stopped: threading.Event) -> None:
        self._client = client
        self._key = key
        self._stopped = stopped

    def accounts(self) -> Iterator[Account]:
        """All accounts of the server; for sysadmins only."""
        # The server's default is to list temporary accounts only.
        query = {"tempAccountsOnly": "false", "orderBy": "creationDate asc"}
        for item in self._items("/sysadmin/users", query, "users"):
            username = item.get("username")
            if isinstance(username, str):
                home = item.get("homeFolderId", 0)
                yield Account(_id(item), username, _flag(item.get("enabled")), home is not None)

    def own_groups(self) -> Iterator[Group]:
        """The groups that the user belongs to."""
        return self._groups("/groups", {})

    def public_groups(self, name: str = "") -> Iterator[Group]:
        """Lab groups with a public profile, by a part of their names."""
        return self._groups("/groups/search", {"query": name} if name else {})

    def documents(self, query: Mapping[str, str]) -> Iterator[int]:
        """The ids of all documents that a search finds."""
        # In the order of creation, documents that change meanwhile stay on their page.
        ordered = {**query, "orderBy": "created asc"}
        return (_id(item) for item in self._items("/documents", ordered, "documents"))

    def count(self, query: Mapping[str, str]) -> int:
        """How many documents a search finds."""
        page = self._page(self._url("/documents", {**query, "pageSize": "1"}))
        total = page.get("totalHits")
        return total if isinstance(total, int) else 0

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

    def activities(self, first_day: str) -> Iterator[dict[str, object]]:
        """What was done since a day by those whose activity the user sees, newest first."""
        query = {"dateFrom": first_day, "orderBy": "date desc"}
        return self._items("/activity", query, "activities")

    def _groups(self, path: str, query: Mapping[str, str]) -> Iterator[Group]:
        url = self._url(path, query)
        for item in _dicts(self._get(url)):
            name = item.get("name")
            if isinstance(name, str):
                members = _dicts(item.get("members"))
                names = {str(member.get("username")): _id(member) for member in members}
                leaders = frozenset(
                    str(member.get("username")) for member in members if member.get("role") == "PI"
                )
                is_lab = item.get("type") == "LAB_GROUP"
                yield Group(_id(item), name, names, leaders, is_lab)

    def _items(self, path: str, query: Mapping[str, str], name: str) -> Iterator[dict[str, object]]:
        """What is on all pages, following `next` to the last, and never elsewhere."""
        url = self._url(path, {**query, "pageSize": str(_PAGE_SIZE)})
        seen: set[str] = set()
        while True:
            seen.add(url)
            page = self._page(url)
            yield from _dicts(page.get(name))
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
                f"{self._base} gives as the next page of {path} something that is none."
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
            if self._stopped.wait(wait):
                raise TransientError(f"Asking {self._base} for lists was broken off.")

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
        raise InvalidAnswerError(f"{base} answered with a list where a page should be.")
    return document


def _next(page: Mapping[str, object]) -> str | None:
    links = {item.get("rel"): item.get("link") for item in _dicts(page.get("_links"))}
    link = links.get("next")
    return link if isinstance(link, str) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _id(item: Mapping[str, object]) -> int:
    number = item.get("id")
    if type(number) is not int:
        raise InvalidAnswerError("The server lists something that has no numeric id.")
    return number
