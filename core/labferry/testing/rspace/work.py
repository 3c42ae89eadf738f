"""``/documents`` and ``/activity``: what there is, and what was done to it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from labferry.testing.http.response import Response
from labferry.testing.rspace.messages import Invalid, iso_utc, json_response
from labferry.testing.rspace.model import Event, Kind, Record
from labferry.testing.rspace.paging import ordered, page
from labferry.testing.rspace.searches import found
from labferry.testing.rspace.state import Call

_LONGEST_QUERY = 2000
_LONGEST_PERIOD = timedelta(days=183)


def documents(call: Call) -> Response:
    """Find documents the caller may read, by a query or an advanced query, not both.

    A search is cut before it is filtered, and its totalHits is what is left.
    """
    query = call.request.param("query")
    advanced = call.request.param("advancedQuery")
    wrong = Invalid("documentSearch")
    if query and advanced:
        wrong.add("query", query, "Only one of query and advancedQuery is allowed")
    for name, text in (("query", query), ("advancedQuery", advanced)):
        if len(text) > _LONGEST_QUERY:
            wrong.add(name, text, f"must not be longer than {_LONGEST_QUERY} characters")
    wrong.check()
    records = (
        found(call, query, advanced) if query or advanced else call.state.world.records.values()
    )
    listed = [
        _document(call, record)
        for record in records
        if record.kind is Kind.DOCUMENT
        and call.state.world.may_read(call.user, record)
        and _filtered(call, record)
    ]
    listed = ordered(call, listed, ("name", "created", "lastModified"), "lastModified desc")
    return json_response(page(call, "/api/v1/documents", "documents", listed))


def _filtered(call: Call, record: Record) -> bool:
    if call.request.param("filter") == "sharedWithMe":
        return record.owner != call.user.username
    return True


def _document(call: Call, record: Record) -> dict[str, Any]:
    owner = call.state.world.user(record.owner)
    return {
        "id": record.id,
        "globalId": record.global_id,
        "name": record.name,
        "created": iso_utc(record.created),
        "lastModified": iso_utc(record.modified),
        "parentFolderId": record.parent,
        "signed": False,
        "tags": record.tags,
        "form": {"id": 1, "globalId": "FM1", "name": "Basic Document"},
        "owner": {"id": owner.id, "username": owner.username, "email": owner.email},
        "_links": [
            {"link": call.state.link(f"/api/v1/documents/{record.id}"), "rel": "self"},
        ],
    }


def activity(call: Call) -> Response:
    """List what was done by those whose activity the caller sees; 183 days at most.

    Looking is an activity too: the next answer shows it.
    """
    since, until = _period(call)
    wanted, names = _words(call, "actions"), _words(call, "usernames")
    events = [
        event
        for event in (*_record_events(call), *_export_events(call), *_other_events(call))
        if since <= event["timestamp"] <= until
        and (not wanted or event["action"] in wanted)
        and (not names or event["username"] in names)
        and call.state.world.may_see_activity(call.user, event["username"])
    ]
    newest_first = call.request.param("orderBy") != "date asc"
    events.sort(key=lambda event: str(event["timestamp"]), reverse=newest_first)
    today = call.state.today()
    call.state.world.events.append(Event(call.user.username, "SEARCH", {}, today))
    return json_response(page(call, "/api/v1/activity", "activities", events))


def _words(call: Call, name: str) -> list[str]:
    return [word for word in ",".join(call.request.params.get(name, [])).split(",") if word]


def _period(call: Call) -> tuple[str, str]:
    today = call.state.today().astimezone(UTC)
    wrong = Invalid("activitySearch")
    until = _day(call, "dateTo", today, wrong)
    since = _day(call, "dateFrom", until - _LONGEST_PERIOD, wrong)
    if until - since > _LONGEST_PERIOD:
        wrong.add("dateFrom", since.date().isoformat(), "at most 183 days can be asked for")
    wrong.check()
    return iso_utc(since), iso_utc(until + timedelta(days=1))


def _day(call: Call, name: str, default: datetime, wrong: Invalid) -> datetime:
    word = call.request.param(name)
    if not word:
        return default
    try:
        return datetime.fromisoformat(word).replace(tzinfo=UTC)
    except ValueError:
        wrong.add(name, word, "must be a date, yyyy-MM-dd")
        return default


def _record_events(call: Call) -> list[dict[str, Any]]:
    world = call.state.world
    return [
        _event(call, record.owner, action, {"id": record.global_id, "name": record.name}, moment)
        for record in world.records.values()
        for action, moment in (("CREATE", record.created), ("WRITE", record.modified))
    ]


def _export_events(call: Call) -> list[dict[str, Any]]:
    """Finished exports, with their file names."""
    state = call.state
    jobs = ((export, state.jobs.get(export.job_id or 0)) for export in list(state.exports))
    return [
        _event(call, export.user, "EXPORT", {"fileName": export.file}, state.moment(job.ends))
        for export, job in jobs
        if job is not None and job.completed(state.now())
    ]


def _other_events(call: Call) -> list[dict[str, Any]]:
    return [
        _event(call, event.username, event.action, event.about, event.moment)
        for event in list(call.state.world.events)
    ]


def _event(
    call: Call, username: str, action: str, payload: Mapping[str, str], moment: datetime
) -> dict[str, Any]:
    return {
        "username": username,
        "fullName": call.state.world.user(username).full_name,
        "domain": "RECORD",
        "action": action,
        "payload": dict(payload),
        "timestamp": iso_utc(moment),
    }
