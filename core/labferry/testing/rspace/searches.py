"""Full-text search as RSpace does it: the best hits only, and filtered after that.

Written from rspace-web's SearchManagerImpl, FullTextSearcherImpl and RSQueryBuilder.
"""

import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from labferry.testing.rspace.messages import unprocessable
from labferry.testing.rspace.model import Kind, Record, Role
from labferry.testing.rspace.state import Call

MOST_HITS = 1000
MOST_HITS_OF_SYSADMIN = 500
_FIELDS = ("fullText", "tag", "name", "form")
_DATES = ("created", "lastModified")
_KNOWN = ("global", *_FIELDS, *_DATES, "owner", "records", "attachment")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class _Term:
    kind: str
    text: str


def found(call: Call, query: str, advanced: str) -> list[Record]:
    """The documents that a search gives, of the hits that it looks at.

    Raises:
        ApiProblem: 422/42201: the advanced query can't be read.
    """
    every, terms = (True, [_Term("global", query)]) if query else _read(advanced)
    world, user = call.state.world, call.user
    sees_all = user.role is Role.SYSADMIN
    hits = [
        hit
        for record in world.records.values()
        if sees_all or world.may_read(user, record)
        for hit in _hits(call, record, terms, every=every)
    ]
    # The score is nothing that anyone could predict.
    hits.sort(key=lambda record: zlib.crc32(f"{record.id}".encode()))
    looked_at = hits[: MOST_HITS_OF_SYSADMIN if sees_all else MOST_HITS]
    chosen = {int(number) for term in terms for number in _chosen(term)}
    kept = {
        record.id: record
        for record in looked_at
        if record.kind is Kind.DOCUMENT and (not chosen or _is_inside(call, record, chosen))
    }
    return list(kept.values())


def _read(advanced: str) -> tuple[bool, list[_Term]]:
    """Whether all terms must match, and the terms."""
    try:
        query = json.loads(advanced)
        terms = [_Term(term["queryType"], str(term["query"])) for term in query["terms"]]
    except (ValueError, KeyError, TypeError) as error:
        raise unprocessable(f"advancedQuery cannot be read: {error}") from error
    for term in terms:
        if term.kind not in _KNOWN:
            raise unprocessable(f"Unknown queryType {term.kind}")
    return query.get("operator", "and") == "and", terms


def _hits(call: Call, record: Record, terms: Sequence[_Term], *, every: bool) -> Iterator[Record]:
    """A record once for itself, and once for each of its comments that match."""
    if len(terms) == 1 and terms[0].kind == "attachment":
        # Beside another term, attachments are not looked for.
        known = call.state.world.records
        if any(terms[0].text in known[item].name for item in record.attachments if item in known):
            yield record
        return
    if _matches(_Indexed.of(record), terms, every=every):
        yield record
    for comment in record.comments:
        if _matches(_Indexed(record, comment, "", "", ""), terms, every=every):
            yield record


@dataclass(frozen=True)
class _Indexed:
    """What the index knows of a record, or of a comment of its."""

    record: Record
    text: str
    tags: str
    name: str
    form: str

    @classmethod
    def of(cls, record: Record) -> "_Indexed":
        form = "Basic Document" if record.kind is Kind.DOCUMENT else ""
        return cls(record, record.text, record.tags, record.name, form)

    def matches(self, kind: str, text: str) -> bool:
        if kind in _DATES:
            record = self.record
            begin, end = _period(text)
            return begin <= (record.created if kind == "created" else record.modified) <= end
        if kind == "owner":
            return self.record.owner in text.split(",")
        values = {"fullText": self.text, "tag": self.tags, "name": self.name, "form": self.form}
        return text.lower() in values[kind].lower()


def _matches(indexed: _Indexed, terms: Sequence[_Term], *, every: bool) -> bool:
    """Whether it is a hit.

    A global term stands for four fields. By itself it needs one of them, beside another term and
    "and" all four.
    """
    fields = [
        (kind, term.text)
        for term in terms
        if term.kind not in {"records", "attachment"}
        for kind in (_FIELDS if term.kind == "global" else (term.kind,))
    ]
    if not fields:
        raise unprocessable("A search term is missing in the search config object")
    is_global = len(terms) == 1 and terms[0].kind == "global"
    matched = (indexed.matches(kind, text) for kind, text in fields)
    return all(matched) if every and not is_global else any(matched)


def _period(text: str) -> tuple[datetime, datetime]:
    begin, _, end = text.partition(";")
    try:
        return _moment(begin, datetime(1970, 1, 1, tzinfo=UTC)), _moment(end, datetime.now(UTC))
    except ValueError as error:
        raise unprocessable(f"The search term {text} cannot be parsed") from error


def _moment(word: str, default: datetime) -> datetime:
    if word in {"", "null"}:
        return default
    moment = datetime.fromisoformat(word)
    if not _DAY.fullmatch(word):
        return moment
    is_end = default.year > 1970  # noqa: PLR2004 - the epoch
    return moment.replace(tzinfo=UTC) + (timedelta(hours=24, seconds=-1) if is_end else timedelta())


def _chosen(term: _Term) -> list[str]:
    if term.kind != "records":
        return []
    return [word[2:] for word in re.split(r"\s*[,;]\s*", term.text)]


def _is_inside(call: Call, record: Record, chosen: set[int]) -> bool:
    parent: Record | None = record
    while parent is not None:
        if parent.id in chosen:
            return True
        parent = call.state.world.records.get(parent.parent) if parent.parent else None
    return False
