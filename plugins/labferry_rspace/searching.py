"""A search, split by date until no part of it can be cut.

RSpace looks at the best 1,000 hits of a search only, 500 for a system administrator. It filters
these afterwards: comments, folders and records that the user may not read go. So neither the number
of documents that is left nor the answer itself says that a search was cut.

A part is taken for whole if few documents are left of it, and if both halves of its time together
have no others. Otherwise its halves are searched in the same way. Written from rspace-web's
SearchManagerImpl, FullTextSearcherImpl and RSQueryBuilder.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from labferry_rspace.directory import Directory, Document

_FEW = 250
"""Documents: half of the hits that RSpace looks at for a system administrator."""

_MOST_PARTS = 2000
_LONGEST = 2000
"""Characters of an advanced search."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_UNSURE = timedelta(days=1)
"""How far from the asked time a document's date may be: some servers keep days only."""

_TICK = timedelta(milliseconds=1)
_GLOBAL = "global"
_FIELDS = ("fullText", "tag", "name", "form")
"""What a global search looks through. Beside another term, RSpace wants all four of them to match,
so that a global search and a date are four searches."""

_FILTER, _FILES = "records", "attachment"
_Term = Mapping[str, object]
_Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search finds.

    Attributes:
        ids: The documents, in order.
        doubt: Why there may be more; empty if these are all.
    """

    ids: Sequence[int]
    doubt: str


@dataclass(frozen=True, slots=True)
class _Part:
    """The documents of a search that were created from one moment to another, both included."""

    begin: datetime
    end: datetime
    documents: Mapping[int, Document]


def find(directory: Directory, query: Mapping[str, str]) -> Found:
    """All documents that a search finds.

    Args:
        directory: The lists that the user sees.
        query: The search, as the server's parameters.

    Raises:
        LabferryError: The server could not be asked, or its answer makes no sense.
    """
    return _Search(directory, query).find()


@dataclass(slots=True)
class _Search:
    directory: Directory
    query: _Query
    doubt: str = ""
    parts: int = 0
    missing: int = 0
    seen: dict[int, Document] = field(default_factory=dict)

    def find(self) -> Found:
        whole = self._ask([self.query])
        splits = list(_splits(self.query))
        if not splits:
            if len(whole) >= _FEW:
                self.doubt = "this kind of search can't be split by date"
            return self._found()
        now = datetime.now(UTC) + _UNSURE
        self._settle(splits, _Part(_BEGINNING, _whole_ticks(now), whole))
        return self._found()

    def _found(self) -> Found:
        if not self.doubt and self.missing:
            self.doubt = f"the server did not show {self.missing} of the documents that it counts"
        return Found(sorted(self.seen), self.doubt)

    def _settle(self, splits: Sequence["_Split"], first: _Part) -> None:
        """Search parts until each is whole, or can't be split any more."""
        left = [first]
        while left and not self._is_in_doubt():
            part = left.pop()
            point = _middle(part)
            if point is None:
                if len(part.documents) >= _FEW:
                    self.doubt = (
                        f"{len(part.documents)} documents were created at the same moment, "
                        f"{part.begin:%Y-%m-%d %H:%M:%S} UTC"
                    )
                continue
            halves = [
                self._part(splits, part.begin, point - _TICK),
                self._part(splits, point, part.end),
            ]
            inside = halves[0].documents.keys() | halves[1].documents.keys()
            is_small = len(part.documents) < _FEW
            if self._is_in_doubt():
                return
            if not is_small and part.documents.keys() - inside:
                self.doubt = "the search misses documents if it is split by date"
            elif not is_small or inside - part.documents.keys():
                left += halves

    def _is_in_doubt(self) -> bool:
        return bool(self.doubt)

    def _part(self, splits: Sequence["_Split"], begin: datetime, end: datetime) -> _Part:
        self.parts += 1
        if self.parts > _MOST_PARTS:
            self.doubt = f"{_MOST_PARTS} searches by date were not enough"
            return _Part(begin, end, {})
        documents = self._ask([split.between(begin, end) for split in splits])
        earliest, latest = begin - _UNSURE, end + _UNSURE
        if any(d.created and not earliest <= d.created <= latest for d in documents.values()):
            self.doubt = "the server ignores the dates in a search"
        return _Part(begin, end, documents)

    def _ask(self, queries: Sequence[_Query]) -> Mapping[int, Document]:
        documents: dict[int, Document] = {}
        for query in queries:
            listing = self.directory.documents(query)
            self.missing += listing.missing
            documents.update({document.id: document for document in listing.entries})
        self.seen.update(documents)
        return documents


@dataclass(frozen=True, slots=True)
class _Split:
    """One of the searches that together find the same as the given one, a date beside it."""

    terms: Sequence[_Term]

    def between(self, begin: datetime, end: datetime) -> _Query:
        """As the server's parameters, for documents created from one moment to another."""
        created = {"query": f"{_iso(begin)};{_iso(end)}", "queryType": "created"}
        search = {"operator": "and", "terms": [*self.terms, created]}
        return {"advancedQuery": json.dumps(search, separators=(",", ":"))}


def _splits(query: _Query) -> Iterator[_Split]:
    """The searches that together find the same; none if dates can't be added."""
    splits = [_Split(terms) for terms in _alternatives(query)]
    if all(
        len(split.between(_BEGINNING, _BEGINNING)["advancedQuery"]) <= _LONGEST for split in splits
    ):
        yield from splits


def _alternatives(query: _Query) -> Iterator[Sequence[_Term]]:
    if "query" in query:
        yield from _each({"query": query["query"], "queryType": _GLOBAL}, ())
        return
    search = json.loads(query["advancedQuery"])
    terms = search.get("terms") if isinstance(search, dict) else None
    if not isinstance(terms, list) or not all(isinstance(term, dict) for term in terms):
        return
    if len(terms) > 1 and search.get("operator", "and") != "or":
        yield terms
        return
    filters = [term for term in terms if term.get("queryType") == _FILTER]
    for term in terms:
        # RSpace looks for attachments only where nothing else is looked for.
        if term.get("queryType") not in {_FILTER, _FILES}:
            yield from _each(term, filters)


def _each(term: _Term, filters: Sequence[_Term]) -> Iterator[Sequence[_Term]]:
    kinds = _FIELDS if term.get("queryType") == _GLOBAL else (term.get("queryType"),)
    for kind in kinds:
        yield [{**term, "queryType": kind}, *filters]


def _middle(part: _Part) -> datetime | None:
    """Where the second half of a part begins; None if the part is one moment.

    So that both halves have as many documents, if their dates are known.
    """
    if part.begin >= part.end:
        return None
    dates = sorted(d.created for d in part.documents.values() if d.created is not None)
    inside = [date for date in dates if part.begin <= date <= part.end]
    if not inside:
        half = (part.end - part.begin) / 2
        return max(part.begin + _TICK, _whole_ticks(part.begin + half))
    return max(part.begin + _TICK, _whole_ticks(inside[len(inside) // 2]))


def _whole_ticks(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
