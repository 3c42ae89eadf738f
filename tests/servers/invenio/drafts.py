"""Drafts: made, read, replaced, deleted."""

from tests.servers.invenio.messages import Problem, denied, empty_response, missing
from tests.servers.invenio.model import Record, Side
from tests.servers.invenio.search import reindex
from tests.servers.invenio.shapes import record_response
from tests.servers.invenio.sides import written
from tests.servers.invenio.state import Call, State

from labferry.testing.http.response import Response


def create(call: Call) -> Response:
    """``POST /records``."""
    owner = call.signed_in()
    side = written(call.request.json, None, call.state.options)
    record = call.state.new_series(owner, side)
    reindex(call.state, record.series)
    return record_response(call, record, 201)


def read(call: Call) -> Response:
    """``GET /records/{id}/draft``."""
    return record_response(call, call.draft())


def replace(call: Call) -> Response:
    """``PUT /records/{id}/draft``: all metadata is replaced."""
    record = call.draft()
    check_revision(call, record)
    record.draft = written(call.request.json, record.draft, call.state.options)
    call.state.touch(record)
    reindex(call.state, record.series)
    return record_response(call, record)


def delete(call: Call) -> Response:
    """``DELETE /records/{id}/draft``; of a published record only the editing ends."""
    record = call.draft()
    check_revision(call, record)
    discard(call.state, record)
    return empty_response()


def discard(state: State, record: Record) -> None:
    """Drop a draft; a record that was never published is gone with it."""
    record.draft = None
    if record.published is None:
        state.forget(record)
        state.index.put(record.id, None)
    reindex(state, record.series)


def edit(call: Call) -> Response:
    """``POST /records/{id}/draft``: the metadata of a published record gets a draft."""
    record = call.state.records.get(call.parts[0])
    if record is None or record.published is None or record.removed:
        raise missing()
    if record.series.owner != call.signed_in():
        raise denied()
    begin_edit(record)
    return record_response(call, record, 201)


def begin_edit(record: Record) -> None:
    """Give a published record a draft, if it has none."""
    old = record.published
    if old is not None and record.draft is None:
        pids = dict(old.pids)
        record.draft = Side(dict(old.metadata), dict(old.access), pids, old.files_enabled)


def check_revision(call: Call, record: Record) -> None:
    """``If-Match`` takes the bare number of the revision.

    Raises:
        Problem: 412, it is another one; 400, it is no number, as in an ETag's quotes.
    """
    wanted = call.request.header("if-match")
    if not wanted:
        return
    if not wanted.isdigit():
        raise Problem(400, "Invalid 'If-Match' header: not a valid integer.")
    if int(wanted) != record.revision:
        raise Problem(412, "The revision id does not match the current revision.")
