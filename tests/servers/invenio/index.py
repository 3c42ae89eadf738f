"""The search index, which is behind the records, and the queries it understands."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field

from tests.servers.invenio.messages import Json
from tests.servers.invenio.options import InvenioOptions

_QUOTED = re.compile(r'([\w.]+):"((?:[^"\\]|\\.)*)"')
_BARE = re.compile(r"([\w.]+):([^\s:\"()]+)")
# Compared as a whole; other texts are taken apart into words.
_KEYWORDS = re.compile(r"(.*\.)?(id|identifier|scheme|status)")
Matches = Callable[[Json], bool]


@dataclass
class Index:
    """For each record, what searches saw of it from when on. None: it was deleted."""

    options: InvenioOptions
    _seen: dict[str, list[tuple[float, Json | None]]] = field(default_factory=dict)

    def put(self, record_id: str, document: Json | None) -> None:
        """Show a record as it is now, when the index gets there."""
        visible = self.options.clock() + self.options.index_delay
        self._seen.setdefault(record_id, []).append((visible, deepcopy(document)))

    def refresh(self) -> None:
        """Get there now."""
        for versions in self._seen.values():
            versions[:] = [(0.0, versions[-1][1])]

    def search(self, query: str) -> list[Json]:
        """The documents that a query matches, newest first."""
        matches = _parsed(query)
        found = [document for document in self._visible() if matches(document)]
        return sorted(found, key=lambda document: str(document["created"]), reverse=True)

    def _visible(self) -> Iterator[Json]:
        now = self.options.clock()
        for versions in self._seen.values():
            shown = [document for visible, document in versions if visible <= now]
            if shown and shown[-1] is not None:
                yield shown[-1]


def _parsed(query: str) -> Matches:
    """What a query asks for; one that cannot be read asks for any of its words."""
    clauses = [_clause(part.strip()) for part in re.split(r"\s+AND\s+", query) if part.strip()]
    readable = [clause for clause in clauses if clause is not None]
    if len(readable) < len(clauses):
        words = _words(query)
        return lambda document: bool(words & _words(" ".join(_texts(document, []))))
    return lambda document: all(clause(document) for clause in readable)


def _clause(text: str) -> Matches | None:
    if match := _QUOTED.fullmatch(text):
        field_name, value = match[1], re.sub(r"\\(.)", r"\1", match[2])
        return lambda document: _has(document, field_name, value)
    if match := _BARE.fullmatch(text):
        field_name, words = match[1], _words(match[2])
        return lambda document: any(
            words & _words(value) for value in _texts(document, field_name.split("."))
        )
    return None


def _has(document: Json, field_name: str, value: str) -> bool:
    """A phrase is the whole of a keyword, or some neighbouring words of a text."""
    values = list(_texts(document, field_name.split(".")))
    if _KEYWORDS.fullmatch(field_name):
        return value in values
    return any(value.lower() in candidate.lower() for candidate in values)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _texts(value: object, path: list[str]) -> Iterator[str]:
    """Everything below a dotted path, lists walked through, as text."""
    if isinstance(value, list):
        for item in value:
            yield from _texts(item, path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if not path or path[0] == name:
                yield from _texts(inner, path[1:])
    elif not path and value is not None:
        yield str(value).lower() if isinstance(value, bool) else str(value)
