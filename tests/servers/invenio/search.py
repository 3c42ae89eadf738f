"""Searches, and what feeds the index."""

from typing import Any
from urllib.parse import urlencode

from tests.servers.invenio.legacy import legacy
from tests.servers.invenio.messages import JSON, Json, Problem, json_response
from tests.servers.invenio.model import Series
from tests.servers.invenio.shapes import hidden, record_json, record_media
from tests.servers.invenio.state import Call, State

from labferry.testing.http.response import Response

_LARGEST_PAGE = 1000
_FALSE = ("", "0", "false")


def reindex(state: State, series: Series) -> None:
    """Send every version to the index: a new one changes what the others are, too."""
    for record in series.records:
        state.index.put(record.id, None if record.removed else record_json(state, record))
        listed = record.published and not record.removed and not hidden(record, "record")
        shown = record_json(state, record, published=True) if listed else None
        state.catalogue.put(record.id, shown)


def mine(call: Call) -> Response:
    """``GET /user/records``: own drafts and records.

    Unless ``allversions`` is asked for, only the newest of each series: a published version with
    a draft behind it is not in the list.
    """
    user = call.signed_in()
    found = [
        document
        for document in call.state.index.search(call.request.params.get("q", ""))
        if document["parent"]["access"]["owned_by"]["user"] == user
    ]
    return listing(call, _versions(call, found, "is_latest_draft"))


def everybody(call: Call) -> Response:
    """``GET /records``: what is published and not restricted."""
    found = call.state.catalogue.search(call.request.params.get("q", ""))
    return listing(call, _versions(call, found, "is_latest"))


def _versions(call: Call, found: list[Json], newest: str) -> list[Json]:
    if call.request.params.get("allversions", "").lower() not in _FALSE:
        return found
    return [document for document in found if document["versions"][newest]]


def listing(call: Call, found: list[Json]) -> Response:
    """One page of hits."""
    size, page = _number(call, "size", 25), _number(call, "page", 1)
    shown = found[(page - 1) * size : page * size]
    media = record_media(call)
    if media == JSON and call.state.options.zenodo:
        shown = [legacy(document) for document in shown]
    links = {"self": _page_link(call, page)}
    if page * size < len(found):
        links["next"] = _page_link(call, page + 1)
    body: dict[str, Any] = {"hits": {"hits": shown, "total": len(found)}, "links": links}
    return json_response(body, media=media)


def _page_link(call: Call, page: int) -> str:
    query = urlencode({**call.request.params, "page": page})
    return call.state.link(f"{call.request.path}?{query}")


def _number(call: Call, name: str, default: int) -> int:
    text = call.request.params.get(name, str(default))
    if not text.isdigit() or not 0 < int(text) <= _LARGEST_PAGE:
        raise Problem(400, f"Invalid {name} parameter.")
    return int(text)
