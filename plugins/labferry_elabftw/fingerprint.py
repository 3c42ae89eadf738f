"""What two `.eln` exports of the same work have in common, as one short text.

Two exports of unchanged work differ in the root folder's name, the ids of folders, files, steps,
fields and comments, the date of the export, and perhaps the order. So no node of the metadata is
known by its id here, but by all that it says; a node that another one points at counts as part of
that. An entry is known by its name for ever (`identifier`) and what it says, its `dateModified`
included; a file by its long name and its bytes. Whatever else differs is a change.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from labferry.sdk.zips import Crate, ZipMember

_VERSION = "labferry_elabftw 1"
_GENERATED = frozenset({"ro-crate-metadata.json", "ro-crate-preview.html"})
_DEEPEST = 50

_Node = Mapping[str, Any]


def fingerprint(crate: Crate) -> str | None:
    """The same for two archives exactly if the work in them is the same; None if that is unknown.

    Args:
        crate: One that has all files which it describes.
    """
    if not crate.graph:
        return None
    nodes: dict[str, list[_Node]] = {}
    for node in crate.graph:
        nodes.setdefault(str(node.get("@id")), []).append(node)
    # The root names the entries, and says nothing of its own but when it was made.
    entries = [
        place["@id"]
        for root in nodes.get("./", ())
        for place in _listed(root.get("hasPart"))
        if _is_reference(place)
    ]
    described = {file.path for file in crate.files()}
    reader = _Reader(nodes)
    found = [
        *(reader.content(place) for place in entries),
        *(
            _stored(members, path in described)
            for path, members in crate.members.items()
            if path not in _GENERATED
        ),
    ]
    if reader.is_lost:
        return None
    text = json.dumps([_VERSION, sorted(found)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _Reader:
    """Turns nodes into texts without ids.

    Attributes:
        is_lost: Whether nodes point at each other without an end, or too deep.
    """

    def __init__(self, nodes: Mapping[str, Sequence[_Node]]) -> None:
        self.is_lost = False
        self._nodes = nodes
        self._known: dict[str, str] = {}
        self._open: list[str] = []

    def content(self, place: str) -> str:
        """All that is said of what has this id."""
        known = self._known.get(place)
        if known is not None:
            return known
        if place in self._open or len(self._open) > _DEEPEST:
            self.is_lost = True
            return ""
        self._open.append(place)
        texts = sorted(self._text(node) for node in self._nodes[place])
        self._open.pop()
        self._known[place] = digest = hashlib.sha256(
            json.dumps(texts).encode("utf-8", "surrogatepass")
        ).hexdigest()
        return digest

    def _text(self, node: _Node) -> str:
        said = {key: self._value(value) for key, value in node.items() if key != "@id"}
        return json.dumps(said, sort_keys=True)

    def _value(self, value: object) -> object:
        if isinstance(value, list):
            values = [self._value(each) for each in value]
            return sorted(map(str, values)) if all(map(_is_reference, value)) else values
        if not isinstance(value, dict):
            return value
        if _is_reference(value):
            return self._reference(value["@id"])
        return {key: self._value(each) for key, each in value.items() if key != "@id"}

    def _reference(self, place: str) -> str:
        nodes = self._nodes.get(place)
        if nodes is None:
            return place
        for node in nodes:
            # Entries may mention each other; each is listed by itself.
            name = node.get("identifier") or node.get("url")
            if "Dataset" in _listed(node.get("@type")) and isinstance(name, str):
                return name
        return self.content(place)


def _is_reference(value: object) -> bool:
    return isinstance(value, dict) and {*value} == {"@id"} and isinstance(value["@id"], str)


def _listed(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _stored(members: Sequence[ZipMember], is_described: bool) -> str:  # noqa: FBT001 - one caller
    sizes = [f"{member.size} {member.crc32:08x}" for member in members]
    return f"{'described' if is_described else 'other'} {' '.join(sorted(sizes))}"
