"""``GET /api/v1/jobs/{id}`` (JobsApiHandlerImpl, ApiExportJobResultFactory)."""

from datetime import timedelta
from typing import Any

from labferry.testing.http.response import Response
from labferry.testing.rspace.files import StoredFile
from labferry.testing.rspace.jobs import Job, Outcome
from labferry.testing.rspace.messages import (
    ApiProblem,
    api_error,
    internal,
    iso_utc,
    json_response,
    unauthorised,
)
from labferry.testing.rspace.presigned import presign
from labferry.testing.rspace.state import Call, State


def poll(call: Call) -> Response:
    """Show a job to its submitter; anyone else, a sysadmin included, gets 401."""
    word = call.parts[0]
    if not word.isascii() or not word.isdigit():
        raise ApiProblem(400, 40002, f'For input string: "{word}"')
    job = call.state.jobs.get(int(word))
    if job is None:
        raise ApiProblem(404, 50301, "No job execution with this Id")
    if job.request.exporter.username != call.user.username:
        raise unauthorised(f"{call.user.username} is not authorised to: Retrieving job by id")
    return json_response(_job(call.state, job))


def _job(state: State, job: Job) -> dict[str, Any]:
    view = job.view(state.now())
    shown: dict[str, Any] = {
        "id": job.id,
        "status": view.status,
        "percentComplete": view.percent,
        "result": None,
        "_links": [],
    }
    if view.status == "COMPLETED":
        _complete(state, job, shown)
    elif view.status == "FAILED" or (job.reason and view.status in ("ABANDONED", "STOPPED")):
        reason = job.reason or "The step failed"
        message = "The job failed with an internal error"
        shown["result"] = api_error(500, 50001, message, (reason,))
    return shown


def _complete(state: State, job: Job, shown: dict[str, Any]) -> None:
    if job.outcome is Outcome.UNREADABLE:
        raise internal(
            "Value for key=[result] is not of type: [class java.lang.String], it is [null]"
        )
    options = state.options
    state.files.sweep(state.now(), options.storage_time, options.sweep_interval)
    file = state.files.find(job.file, state.now())
    shown["result"] = _result(state, job, file)
    if job.outcome is not Outcome.NO_LINK:
        shown["_links"] = [{"link": _enclosure(state, job, file), "rel": "enclosure"}]


def expiry_date(state: State) -> str:
    """The time of this very poll and the storage time: it slides, and decides nothing."""
    return iso_utc(state.today() + timedelta(seconds=state.options.storage_time))


def checked(file: StoredFile) -> dict[str, Any]:
    """Size and checksum as a result declares them: CRC-32 in decimal, unpadded, as a string."""
    archive = file.archive
    return {"size": archive.size, "checksum": str(archive.crc32), "algorithm": "CRC32"}


_GONE = {"size": None, "checksum": None, "algorithm": None}


def _result(state: State, job: Job, file: StoredFile | None) -> dict[str, Any]:
    true = _GONE if file is None else checked(file)
    result = {"expiryDate": expiry_date(state), **true}
    if file is not None and job.outcome is not None:
        result.update(_misleading(job.outcome, file))
    return result


def _misleading(outcome: Outcome, file: StoredFile) -> dict[str, Any]:
    crc, size = file.archive.crc32, file.archive.size
    lies: dict[Outcome, dict[str, Any]] = {
        Outcome.ROW_GONE: _GONE,
        Outcome.NO_SIZE: {"size": None},
        Outcome.NO_CHECKSUM: {"checksum": None, "algorithm": None},
        Outcome.WRONG_SIZE: {"size": size + 1},
        Outcome.WRONG_CHECKSUM: {"checksum": str(crc ^ 1)},
        # Without the prefix, one in forty would have no letter, and could as well be decimal.
        Outcome.HEX_CHECKSUM: {"checksum": f"{crc:#010x}"},
    }
    return lies.get(outcome, {})


def _enclosure(state: State, job: Job, file: StoredFile | None) -> str:
    if file is None and not state.options.presigned:
        return state.link(f"/api/v1/export/{job.file}")
    if file is None or job.outcome is Outcome.UPLOAD_FAILED:
        raise internal(f"Couldn't find export on S3 for {job.file}")
    if not file.on_s3:
        return state.link(f"/api/v1/export/{job.file}")
    return presign(state, job.file)
