"""``POST /api/v1/export/{format}/{scope}[/{id}]`` (ExportApiSpringBatchHandlerImpl)."""

import re
from collections.abc import Mapping
from datetime import datetime

from labferry.testing.http.response import Response
from labferry.testing.rspace.archives import BytesArchive, pack
from labferry.testing.rspace.big import BigArchive, FillingArchive
from labferry.testing.rspace.contents import Export, members
from labferry.testing.rspace.files import StoredFile
from labferry.testing.rspace.jobs import Job, Outcome, make_end
from labferry.testing.rspace.messages import Invalid, internal, json_response
from labferry.testing.rspace.model import Record
from labferry.testing.rspace.naming import archive_name
from labferry.testing.rspace.planning import (
    ExportRequest,
    check_scope,
    plan,
    progress_units,
)
from labferry.testing.rspace.repack import RealArchive
from labferry.testing.rspace.requestlog import RecordedExport
from labferry.testing.rspace.state import Call, State
from labferry.testing.rspace.throttle import too_many

FORMATS = ("xml", "html")
SCOPES = ("user", "group", "selection")
_TRUE = ("true", "on", "yes", "1")
_FALSE = ("false", "off", "no", "0", "")


def submit(call: Call) -> Response:
    """Start an export: 202 with the job, or the first check of the contract's order that fails."""
    state = call.state
    asked = _parameters(call)
    target = check_scope(state.world, asked)
    if state.jobs.running_for(call.user.username, state.now()):
        raise too_many("There is already a running export job")
    if state.options.disk_short:
        raise internal("Insufficient disk space to begin export")
    records = plan(state.world, asked, target)
    # The check above and the launch below are not one step: two quick POSTs can both pass.
    state.stopping.wait(state.options.timing.planning)
    return json_response(_launch(state, asked, records, target.label), 202)


def _parameters(call: Call) -> ExportRequest:
    """Understand path and parameters; only the path without an id has its words validated."""
    export_format, scope, *rest = call.parts
    wrong = Invalid("exportApiConfig")
    if not rest:
        _check_words(export_format, scope, wrong)
    asked = ExportRequest(
        exporter=call.user,
        format=export_format.lower() if rest else export_format,
        scope=scope.lower() if rest else scope,
        id=_number("id", rest[0], wrong) if rest else None,
        selections=_selections(call, wrong),
        include_revision_history=_flag(call, "includeRevisionHistory", wrong),
        max_link_level=_level(call, wrong),
    )
    wrong.check()
    return asked


def _check_words(export_format: str, scope: str, wrong: Invalid) -> None:
    if export_format not in FORMATS:
        wrong.add("format", export_format, "format is required")
    if scope not in SCOPES:
        wrong.add("scope", scope, "scope is required")


def _number(name: str, value: str, wrong: Invalid) -> int | None:
    if re.fullmatch(r"-?\d+", value, re.ASCII):
        return int(value)
    wrong.add(name, value, f"Failed to convert property value to a number: {value}")
    return None


def _selections(call: Call, wrong: Invalid) -> tuple[int, ...]:
    words = ",".join(call.request.params.get("selections", [])).split(",")
    numbers = (_number("selections", word.strip(), wrong) for word in words if word.strip())
    return tuple(sorted({number for number in numbers if number is not None}))


def _flag(call: Call, name: str, wrong: Invalid) -> bool:
    value = call.request.param(name).lower()
    if value not in (*_TRUE, *_FALSE):
        wrong.add(name, value, f"Invalid boolean value [{value}]")
    return value in _TRUE


def _level(call: Call, wrong: Invalid) -> int:
    level = _number("maxLinkLevel", call.request.param("maxLinkLevel", "1"), wrong)
    if level is not None and level < 0:
        wrong.add("maxLinkLevel", level, "must be greater than or equal to 0")
    return 1 if level is None else level


def _launch(
    state: State, asked: ExportRequest, records: tuple[Record, ...], label: str
) -> dict[str, object]:
    made = state.today()
    root = archive_name(made, asked.format, label)
    timing, units = state.options.timing, progress_units(records)
    job = state.jobs.launch(asked, timing, state.now(), f"{root}.zip", units)
    _write(state, job, records, made)
    status = job.view(state.now()).status
    return {
        "id": job.id,
        # The answer is made when the job begins, however long it then takes to be sent.
        "status": "STARTED" if status == "COMPLETED" else status,
        "percentComplete": -1.0,
        "result": None,
        "_links": [{"link": state.link(f"/api/v1/jobs/{job.id}"), "rel": "self"}],
    }


def _write(state: State, job: Job, records: tuple[Record, ...], made: datetime) -> None:
    """Make the archive at once; it is there for others when the job has ended."""
    archive = _archive(state, job, records, made)
    end = state.faults.on_launch()
    if job.request.format not in FORMATS or archive.unpacked > state.options.max_unpacked:
        # A bad format was accepted because there was an id: the job breaks, not the request.
        make_end(job, Outcome.UNREADABLE, None)
    elif end is not None:
        make_end(job, end.outcome, end.reason)
    state.files.add(StoredFile(job.file, archive, job.ends, job, state.options.presigned))
    ids = tuple(record.id for record in records)
    username = job.request.exporter.username
    with state.lock:
        state.exports.append(
            RecordedExport(state.now(), job.id, username, job.request, job.file, ids, archive)
        )


def _archive(
    state: State, job: Job, records: tuple[Record, ...], made: datetime
) -> BytesArchive | FillingArchive:
    root = job.file.removesuffix(".zip")
    content = _content(state, job.request)
    source, version = state.link("").rstrip("/"), state.options.version
    export = Export(job.request, records, source, version, made.date())
    if isinstance(content, BigArchive):
        return content.filled(root, export.manifest_text)
    inside: Mapping[str, bytes] = (
        members(export)
        if content is None
        else content.members(made.date(), job.request.scope.upper())
    )
    unpacked = sum(len(data) for data in inside.values())
    return BytesArchive(pack(root, inside, made), unpacked)


def _content(state: State, asked: ExportRequest) -> RealArchive | BigArchive | None:
    """The archive offered for this request: one of its format if there is one."""
    offered = [
        item if isinstance(item, RealArchive | BigArchive) else RealArchive(item)
        for item in state.options.archives
    ]
    fitting = [
        item for item in offered if isinstance(item, BigArchive) or item.is_format(asked.format)
    ]
    choice = fitting or offered
    if not choice:
        return None
    with state.lock:
        number = state.chosen.setdefault(asked.key, len(state.chosen))
    return choice[number % len(choice)]
