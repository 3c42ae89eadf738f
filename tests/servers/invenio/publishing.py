"""DOIs, publishing, new versions."""

from datetime import UTC, datetime

from tests.servers.invenio.drafts import check_revision
from tests.servers.invenio.messages import Problem, broken, denied, invalid, missing, wrong
from tests.servers.invenio.metadata import publishing_errors
from tests.servers.invenio.model import Record, Side
from tests.servers.invenio.search import reindex
from tests.servers.invenio.shapes import record_response
from tests.servers.invenio.state import Call, State

from labferry.testing.http.response import Response

_NOT_INHERITED = ("version", "publication_date")


def reserve_doi(call: Call) -> Response:
    """``POST …/draft/pids/doi``: once."""
    record = call.draft()
    if not call.state.options.mints_dois:
        raise Problem(400, "No PID provider is configured for doi.")
    if "doi" in record.side.pids:
        raise invalid([wrong("pids.doi", "A PID already exists for type doi")])
    record.side.pids["doi"] = _doi(call.state, record.id)
    call.state.touch(record)
    reindex(call.state, record.series)
    return record_response(call, record, 201)


def _doi(state: State, record_id: str) -> dict[str, str]:
    return {"identifier": _doi_of(state, record_id), "provider": "datacite", "client": "datacite"}


def _doi_of(state: State, record_id: str) -> str:
    name = f"zenodo.{record_id}" if state.options.zenodo else record_id
    return f"{state.options.doi_prefix}/{name}"


def publish(call: Call) -> Response:
    """``POST …/draft/actions/publish``: final. Of parallel ones all but one are 500."""
    state = call.state
    with state.lock:
        record = call.draft()
        check_revision(call, record)
        check_publishable(state, record)
        race = ("publish", record.id)
        if race in state.racing:
            raise broken()
        state.racing.add(race)
    state.race()
    with state.lock:
        state.racing.discard(race)
        # Somebody may have dropped it meanwhile.
        make_public(state, call.draft())
        return record_response(call, record, 202, published=True)


def check_publishable(state: State, record: Record) -> None:
    """Whether a draft is complete.

    Raises:
        Problem: 400, with what is missing.
    """
    side = record.side
    errors = publishing_errors(side.metadata, mints_dois=state.options.mints_dois)
    if errors:
        raise invalid(errors)
    if record.pending:
        message = f"One or more files are not completed: {', '.join(record.pending)}"
        raise invalid([wrong("files", message)])
    if side.files_enabled and not record.files:
        raise invalid([wrong("files.enabled", "Missing uploaded files.")])


def make_public(state: State, record: Record) -> None:
    """Publish a draft; restricted records get no DOI, neither of their own nor a concept DOI."""
    side, record.draft = record.side, None
    side.errors = []
    if side.access["record"] == "restricted":
        side.pids.pop("doi", None)
    elif state.options.mints_dois:
        side.pids.setdefault("doi", _doi(state, record.id))
        record.series.doi = record.series.doi or _doi_of(state, record.series.id)
    record.published = side
    state.touch(record)
    reindex(state, record.series)


def new_version(call: Call) -> Response:
    """``POST /records/{id}/versions``: the draft that there is, or a new one.

    Between looking and making, parallel requests do not see each other: each makes its own.
    """
    state = call.state
    with state.lock:
        record = state.records.get(call.parts[0])
        if record is None or record.published is None or record.removed:
            raise missing()
        if record.series.owner != call.signed_in():
            raise denied()
        there = record.series.next_draft
        if there is not None:
            return record_response(call, there, 201)
    state.race()
    with state.lock:
        return record_response(call, add_version(state, record), 201)


def add_version(state: State, record: Record) -> Record:
    """The next draft of a series: metadata and access as before, no files, no DOI."""
    latest = record.series.latest or record
    old = latest.side
    metadata = {name: old.metadata[name] for name in old.metadata if name not in _NOT_INHERITED}
    if state.options.new_version_date == "today":
        today = datetime.fromtimestamp(state.options.clock(), UTC).date()
        metadata["publication_date"] = today.isoformat()
    made = state.new_record(record.series, Side(metadata, dict(old.access)))
    made.side.files_enabled = old.files_enabled
    reindex(state, record.series)
    return made
