"""From what a client sends to a draft: metadata, access, persistent identifiers."""

from typing import Any

from tests.servers.invenio.messages import Json, invalid, wrong
from tests.servers.invenio.metadata import load
from tests.servers.invenio.model import Side
from tests.servers.invenio.options import InvenioOptions

_LEVELS = ("public", "restricted")
_FIELDS = ("record", "files")


def written(data: object, old: Side | None, options: InvenioOptions) -> Side:
    """The draft that a POST or PUT makes; what it omits of access and pids comes from ``old``.

    Raises:
        Problem: 400, for an unknown id of a vocabulary, and on Zenodo for a restricted record.
    """
    given: dict[str, Any] = data if isinstance(data, dict) else {}
    metadata, errors = load(given.get("metadata"))
    if old is not None and "access" not in given:
        access, complaints = old.access, list[Json]()
    else:
        access, complaints = _access(given.get("access"))
    if options.zenodo and access["record"] == "restricted":
        raise invalid([wrong("access.record", "Restricted records are disabled.")])
    files = given.get("files")
    enabled = files.get("enabled", True) if isinstance(files, dict) else True
    return Side(metadata, access, _pids(given, old, options), bool(enabled), errors + complaints)


def _access(given: object) -> tuple[Json, list[Json]]:
    """Public, unless it is said otherwise in a way the server understands."""
    said = given if isinstance(given, dict) else {}
    errors = []
    access: Json = {}
    for name in _FIELDS:
        level = said.get(name, "public")
        access[name] = level if level in _LEVELS else "public"
        if level not in _LEVELS:
            complaint = f"'{name}' must be either 'public' or 'restricted'"
            errors.append(wrong(f"access.{name}", complaint))
    access["embargo"] = said.get("embargo") or {"active": False, "reason": None}
    return access, errors


def _pids(given: Json, old: Side | None, options: InvenioOptions) -> Json:
    if "pids" in given:
        return dict(given["pids"] or {})
    kept = old is not None and options.omitted_pids == "kept"
    return dict(old.pids) if kept and old is not None else {}
