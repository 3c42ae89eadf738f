"""An export job in the server's JSON, as answered to a submission and to a question.

Written from rspace-web's JobsApiHandlerImpl and ApiExportJobResultFactory.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from labferry.sdk import JobState, JobStatus, Offer
from labferry.sdk.http_headers import date
from labferry.sdk.quoting import quote
from labferry_rspace.address import Address
from labferry_rspace.answers import Answer, Problem
from labferry_rspace.throttling import asked_wait, parsed

_STATES = {
    "STARTING": JobState.RUNNING,
    "STARTED": JobState.RUNNING,
    "RUNNING": JobState.RUNNING,
    "STOPPING": JobState.RUNNING,
    "COMPLETED": JobState.COMPLETED,
    "FAILED": JobState.FAILED,
    "STOPPED": JobState.FAILED,
    "ABANDONED": JobState.FAILED,
}
_SUFFIX = re.compile(r".+?((?:\.zip|\.csv|\.eln)+)", re.ASCII)
_JOB = re.compile(r"\d{1,18}", re.ASCII)
_DECIMAL = re.compile(r"\d{1,10}", re.ASCII)
_HEXADECIMAL = re.compile(r"(?:0x)?[0-9a-f]{1,8}", re.ASCII)
_LONGEST_NAME = 255
_MOST_PERCENT = 100
_MOST_BYTES = 1 << 62


def job_link(address: Address, job: str, link: str = "") -> str:
    """Where to ask for a job at the configured address, from the server's own link to it."""
    rebased = address.rebase(link) if link else None
    inside = rebased is not None and rebased.startswith(address.api("/jobs/"))
    return rebased if rebased and inside else address.api(f"/jobs/{job}")


def read_job(answer: Answer, address: Address, job: str = "") -> JobStatus | None:
    """Read a job.

    Args:
        answer: The server's answer.
        address: The server's configured address.
        job: Which job was asked for; empty if the answer is to tell.

    Returns:
        The job; None if the answer holds none, or another than was asked for.
    """
    document = answer.json
    if not isinstance(document, dict) or not isinstance(document.get("status"), str):
        return None
    number = _job_id(document.get("id"))
    if not number or number != (job or number):
        return None
    state = _STATES.get(document["status"], JobState.BROKEN)
    return JobStatus(
        job=number,
        link=job_link(address, number, _link(document, "self") or ""),
        state=state,
        percent=_percent(document.get("percentComplete")),
        reason=_reason(document, state),
        offer=read_result(document, answer) if state is JobState.COMPLETED else None,
        wait=asked_wait(answer.headers),
    )


def _job_id(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = str(value)
    return text if _JOB.fullmatch(text) else ""


def _link(document: Mapping[str, object], relation: str) -> str | None:
    links = document.get("_links")
    for item in links if isinstance(links, list) else ():
        if isinstance(item, dict) and item.get("rel") == relation:
            link = item.get("link")
            return link if isinstance(link, str) else None
    return None


def _percent(value: object) -> float | None:
    """Between 0 and 100; RSpace says -1 where it does not know."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _MOST_PERCENT else None


def _reason(document: dict[str, object], state: JobState) -> str:
    if state in {JobState.RUNNING, JobState.COMPLETED}:
        return ""
    problem = Problem.of(document.get("result"))
    status = f"the job's status is {quote(document['status'])}"
    return f"{problem.text} ({status})" if problem and problem.text else status


def read_result(document: Mapping[str, object], answer: Answer) -> Offer:
    """What the JSON of a completed job offers."""
    result = document.get("result")
    result = result if isinstance(result, dict) else {}
    link = _link(document, "enclosure")
    size = result.get("size")
    return Offer(
        link=link,
        size=size if type(size) is int and 0 <= size <= _MOST_BYTES else None,
        crc32=_crc32(result.get("checksum"), result.get("algorithm")),
        suffix=_suffix(link or ""),
        kept_for=_kept_for(result.get("expiryDate"), date(answer.headers)),
    )


def _crc32(checksum: object, algorithm: object) -> int | None:
    """Decimal, as the server sends it; hexadecimal only if it can't be decimal.

    Eight digits without a letter are read as decimal: if that is wrong, the archive is refused,
    which is the safe side.
    """
    if algorithm != "CRC32" or not isinstance(checksum, str):
        return None
    text = checksum.strip().lower()
    if _DECIMAL.fullmatch(text):
        number = int(text)
    elif _HEXADECIMAL.fullmatch(text):
        number = int(text, 16)
    else:
        return None
    return number if number <= 0xFFFFFFFF else None  # noqa: PLR2004 - 32 bits


def _suffix(link: str) -> str:
    # Only the end, as the scan takes a time that is quadratic in the length.
    name = link.partition("?")[0].rpartition("/")[2][-_LONGEST_NAME:]
    match = _SUFFIX.fullmatch(name)
    return match[1] if match else ".zip"


def _kept_for(expiry: object, asked: datetime) -> float | None:
    """The storage time: the server counts expiryDate from this very answer."""
    moment = parsed(expiry)
    return None if moment is None else max(0.0, (moment - asked).total_seconds())
