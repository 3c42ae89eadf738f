"""Published records and their files."""

from tests.servers.invenio.download import content_response
from tests.servers.invenio.files import entry_of
from tests.servers.invenio.messages import JSON, Problem, denied, json_response, missing
from tests.servers.invenio.model import Record
from tests.servers.invenio.search import listing
from tests.servers.invenio.shapes import file_json, files_json, hidden, reads_files, record_response
from tests.servers.invenio.state import Call

from labferry.testing.http.response import Response


def read(call: Call) -> Response:
    """``GET /records/{id}``; the id of a series leads to its newest version."""
    series = call.state.series.get(call.parts[0])
    if series is not None and series.latest is not None:
        return _moved(call, series.latest)
    return record_response(call, _public(call), published=True)


def _public(call: Call) -> Record:
    """The published record in the path.

    Raises:
        Problem: 404, there is none; 410, it was deleted; 403, the caller may not see it.
    """
    record = call.state.records.get(call.parts[0])
    if record is None or record.published is None:
        raise missing()
    if record.removed:
        raise Problem(410, "The record has been deleted.")
    if hidden(record, "record") and call.user != record.series.owner:
        raise denied()
    return record


def _moved(call: Call, record: Record) -> Response:
    here = call.state.link(f"/api/records/{record.id}")
    return Response.of(301, b"", JSON, Location=here)


def latest(call: Call) -> Response:
    """``GET /records/{id or parent.id}/versions/latest``."""
    record = call.state.records.get(call.parts[0])
    series = record.series if record else call.state.series.get(call.parts[0])
    if series is None or series.latest is None:
        raise missing()
    return _moved(call, series.latest)


def versions(call: Call) -> Response:
    """``GET /records/{id}/versions``, newest first."""
    series = _public(call).series
    found = call.state.catalogue.search(f'parent.id:"{series.id}"')
    return listing(call, found)


def delete(call: Call) -> Response:
    """``DELETE /records/{id}``: what is published stays."""
    _public(call)
    raise denied()


def _readable(call: Call) -> Record:
    record = _public(call)
    if not reads_files(call, record):
        raise denied()
    return record


def list_files(call: Call) -> Response:
    """``GET /records/{id}/files``."""
    return json_response(files_json(call.state, _readable(call), is_draft=False))


def show_file(call: Call) -> Response:
    """``GET /records/{id}/files/{key}``."""
    record = _readable(call)
    return json_response(file_json(call.state, record, entry_of(call, record), is_draft=False))


def download(call: Call) -> Response:
    """``GET /records/{id}/files/{key}/content``."""
    return content_response(call, entry_of(call, _readable(call)))
