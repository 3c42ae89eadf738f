"""Records and files as the API shows them."""

import mimetypes
from urllib.parse import quote

from tests.servers.invenio.legacy import legacy
from tests.servers.invenio.messages import JSON, RECORD, Json, json_response
from tests.servers.invenio.metadata import dereferenced
from tests.servers.invenio.model import Entry, Record, Side
from tests.servers.invenio.negotiate import preferred
from tests.servers.invenio.state import Call, State

from labferry.testing.http.response import Response


def record_response(
    call: Call, record: Record, status: int = 200, *, published: bool = False
) -> Response:
    """A record, in the shape that ``Accept`` asks for; the draft unless told otherwise."""
    shown = record_json(call.state, record, published=published)
    if published and not reads_files(call, record):
        shown["files"] = {"enabled": shown["files"]["enabled"]}
    media = record_media(call)
    if media == JSON and call.state.options.zenodo:
        shown = legacy(shown)
    response = json_response(shown, status, media)
    response.headers["ETag"] = f'"{record.revision}"'
    return response


def record_media(call: Call) -> str:
    """How records are to be shown to this client."""
    return preferred(call.request.header("accept"), (JSON, RECORD)) or JSON


def reads_files(call: Call, record: Record) -> bool:
    """Whether the caller may see the published files of a record."""
    return call.user == record.series.owner or not hidden(record, "files")


def hidden(record: Record, what: str) -> bool:
    """Whether what is published is restricted; files of restricted records are, too."""
    access = record.published.access if record.published else {}
    return "restricted" in (access.get("record"), access.get(what))


def record_json(state: State, record: Record, *, published: bool = False) -> Json:
    """A record in InvenioRDM's own shape."""
    side = record.published if published else record.side
    if side is None:
        raise LookupError(f"record {record.id} was never published")
    is_draft = side is record.draft
    shown: Json = {
        "id": record.id,
        "created": state.moment(record.created),
        "updated": state.moment(record.updated),
        "links": _links(state, record, is_draft=is_draft),
        "revision_id": record.revision,
        "parent": _parent(record),
        "versions": _versions(record),
        "is_published": record.published is not None,
        "is_draft": is_draft,
        "pids": side.pids,
        "metadata": dereferenced(side.metadata),
        "custom_fields": {},
        "access": _access(side),
        "files": _files_summary(record, side),
        "status": _status(record, is_draft=is_draft),
    }
    if is_draft:
        # The creation time: nothing expires.
        shown["expires_at"] = state.moment(record.created)
        shown.update({"errors": side.errors} if side.errors else {})
    return shown


def _status(record: Record, *, is_draft: bool) -> str:
    if record.published is not None:
        return "published"
    return "new_version_draft" if is_draft and record.index > 1 else "draft"


def _access(side: Side) -> Json:
    restricted = "restricted" in (side.access["record"], side.access["files"])
    return {**side.access, "status": "restricted" if restricted else "open"}


def _parent(record: Record) -> Json:
    series = record.series
    doi = {"identifier": series.doi, "provider": "datacite", "client": "datacite"}
    return {
        "id": series.id,
        "access": {"owned_by": {"user": series.owner}, "links": [], "grants": []},
        "communities": {},
        "pids": {"doi": doi} if series.doi else {},
    }


def _versions(record: Record) -> Json:
    series = record.series
    return {
        "index": record.index,
        "is_latest": series.latest is record,
        "is_latest_draft": series.newest is record,
    }


def _files_summary(record: Record, side: Side) -> Json:
    done = [entry for entry in record.files.values() if entry.completed]
    return {
        "enabled": side.files_enabled,
        "count": len(done),
        "total_bytes": sum(entry.size for entry in done),
        "order": [],
        "entries": {entry.key: {"key": entry.key, **_facts(entry)} for entry in done},
    }


def _facts(entry: Entry) -> Json:
    mimetype = mimetypes.guess_type(entry.key)[0] or "application/octet-stream"
    return {"size": entry.size, "checksum": entry.checksum, "mimetype": mimetype}


def _links(state: State, record: Record, *, is_draft: bool) -> Json:
    api = state.link(f"/api/records/{record.id}")
    base = f"{api}/draft" if is_draft else api
    links = {
        "self": base,
        "self_html": state.link(f"/{'uploads' if is_draft else 'records'}/{record.id}"),
        "files": f"{base}/files",
        "record": api,
        "draft": f"{api}/draft",
        "versions": f"{api}/versions",
        "latest": f"{api}/versions/latest",
        "latest_html": state.link(f"/records/{record.id}/latest"),
    }
    if is_draft:
        links["publish"] = f"{base}/actions/publish"
        links["reserve_doi"] = f"{base}/pids/doi"
    return links


def files_json(state: State, record: Record, *, is_draft: bool) -> Json:
    """The list of a record's files."""
    side = record.draft if is_draft and record.draft else record.side
    return {
        "enabled": side.files_enabled,
        "links": {"self": files_link(state, record, is_draft=is_draft)},
        "entries": [
            file_json(state, record, entry, is_draft=is_draft) for entry in record.files.values()
        ],
        "default_preview": None,
        "order": [],
    }


def files_link(state: State, record: Record, *, is_draft: bool) -> str:
    """Where a record's files are."""
    return state.link(f"/api/records/{record.id}{'/draft' if is_draft else ''}/files")


def file_json(state: State, record: Record, entry: Entry, *, is_draft: bool) -> Json:
    """One file. Until it is committed neither its size nor its checksum is told."""
    here = f"{files_link(state, record, is_draft=is_draft)}/{quote(entry.key, safe='')}"
    links = {"self": here, "content": f"{here}/content"}
    if is_draft:
        links["commit"] = f"{here}/commit"
    shown: Json = {
        "key": entry.key,
        "created": state.moment(record.created),
        "updated": state.moment(record.updated),
        "status": "completed" if entry.completed else "pending",
        "metadata": None,
        "links": links,
    }
    return {**shown, "storage_class": "L", **_facts(entry)} if entry.completed else shown
