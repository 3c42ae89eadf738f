"""Exports at the server: begun, listed, looked at, found again, deleted."""

from collections.abc import Sequence
from http import HTTPStatus

from labferry.sdk import (
    AnswerLostError,
    FullError,
    InvalidAnswerError,
    JobState,
    JobStatus,
    JsonValue,
    LabferryError,
    NotFoundError,
    UnavailableError,
)
from labferry.sdk.http import Answer
from labferry_elabftw.address import job_of
from labferry_elabftw.client import Client
from labferry_elabftw.lanes import Owner
from labferry_elabftw.order import Order
from labferry_elabftw.problems import judge, unexpected, words
from labferry_elabftw.rows import MOST, Row

_DOING = "Asking eLabFTW for the export"


def list_rows(client: Client, owner: Owner) -> Sequence[Row]:
    """The exports of a user: of all keys, and those of the web interface.

    Raises:
        LabferryError: The server does not say.
    """
    answer = client.get("/exports", owner.key)
    listed = answer.json if answer.ok else None
    doing = f"Asking eLabFTW for the exports of {owner.name}"
    if not isinstance(listed, list):
        raise unexpected(answer, doing)
    rows = [Row.of(each) for each in listed]
    known = [row for row in rows if row is not None]
    if len(known) < len(rows):
        raise InvalidAnswerError(f"{doing} was answered with a list that can't be read.")
    return known


def submit(client: Client, order: Order, owner: Owner) -> JobStatus:
    """Ask the server to begin an export, once.

    Raises:
        LabferryError: As `Source.submit` says.
    """
    answer = client.post("/exports", owner.key, order.body)
    if not answer.ok:
        raise _not_begun(client, owner, answer)
    number = job_of(answer.headers.get("location", ""))
    if answer.status != HTTPStatus.CREATED or not number:
        raise AnswerLostError(
            f"{_DOING} was answered with HTTP {answer.status} without the number of an export. An "
            "export may have begun."
        )
    return JobStatus(number, client.address.job(number), JobState.RUNNING)


def poll(client: Client, job: str, owner: Owner) -> JobStatus:
    """Ask for an export's state.

    Raises:
        LabferryError: As `Source.poll` says.
    """
    path = _path(job)
    answer = client.get(path, owner.key)
    doing = f"Asking eLabFTW for export {job}"
    if answer.status == HTTPStatus.NOT_FOUND and not answer.is_page:
        raise NotFoundError(f"{doing}: the export is not there (HTTP 404).")
    row = Row.of(answer.json) if answer.ok else None
    if row is None or str(row.number) != job:
        raise unexpected(answer, doing)
    return row.status(client.address)


def note(rows: Sequence[Row]) -> JsonValue:
    """What tells older exports from a new one."""
    return [row.number for row in rows]


def find(client: Client, order: Order, owner: Owner, noted: JsonValue) -> JobStatus | None:
    """The export that was begun since `noted`; None if there is none.

    Of several, which only can be if a person asked for the same at the same moment, it is the
    first, and none is taken for ours.

    Raises:
        LabferryError: The server does not say.
    """
    if not isinstance(noted, list):
        return None
    rows = list_rows(client, owner)
    new = [row for row in rows if row.number not in noted and row.fits(order)]
    if not new:
        return None
    first = min(new, key=lambda row: row.number)
    return first.status(client.address, ours=len(new) == 1)


def release(client: Client, job: str, owner: Owner) -> None:
    """Delete an export and its file.

    Raises:
        NotFoundError: It is not there.
        LabferryError: The server can't be asked, or refuses.
    """
    answer = client.delete(_path(job), owner.key)
    doing = f"Deleting export {job} at eLabFTW"
    if answer.status == HTTPStatus.NOT_FOUND and not answer.is_page:
        raise NotFoundError(f"{doing}: the export is not there (HTTP 404).")
    if answer.status != HTTPStatus.NO_CONTENT:
        raise unexpected(answer, doing)


def may_write(client: Client, owner: Owner) -> bool:
    """Whether a key may ask for exports, found out by deleting one that can't exist."""
    answer = client.delete(f"/exports/{_NOBODYS}", owner.key)
    return answer.status != HTTPStatus.BAD_REQUEST


_NOBODYS = (1 << 31) - 1


def _path(job: str) -> str:
    """Where an export is; a number from the ledger is checked as one from anywhere else."""
    if not (job.isascii() and job.isdigit()) or int(job) == 0:
        raise InvalidAnswerError(f"{job!r} is not the number of an eLabFTW export.")
    return f"/exports/{job}"


def _not_begun(client: Client, owner: Owner, answer: Answer) -> LabferryError:
    told = f'HTTP {answer.status}: "{words(answer)}"' if words(answer) else f"HTTP {answer.status}"
    match answer.status:
        case HTTPStatus.METHOD_NOT_ALLOWED:
            # So the web server in front answers in maintenance; PHP has not seen the request.
            return UnavailableError(
                f"{_DOING} was put off with {told}.", hint="The server may be in maintenance."
            )
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # Also if the export is listed, but the queue could not be told of it.
            return AnswerLostError(f"{_DOING} was answered with {told}. An export may have begun.")
        case HTTPStatus.BAD_REQUEST:
            return _refused(client, owner, told)
    return judge(answer, _DOING)


def _refused(client: Client, owner: Owner, told: str) -> LabferryError:
    rows = list_rows(client, owner)
    if len(rows) >= MOST:
        return full(owner, rows)
    return InvalidAnswerError(
        f"{_DOING} was refused with {told}.",
        hint="eLabFTW answers like this if the key may only read, or if it is older than 5.1.",
    )


def full(owner: Owner, rows: Sequence[Row]) -> FullError:
    """The error if a user has as many exports at the server as may be."""
    return FullError(
        f"{owner.name} has {len(rows)} exports at the eLabFTW server, which keeps at most {MOST}: "
        f"{', '.join(map(str, rows))}.",
        hint="Delete the exports that nobody needs, on eLabFTW's page for exports. labferry "
        "deletes only its own.",
    )
