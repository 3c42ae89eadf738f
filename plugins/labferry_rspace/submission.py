"""Asking for an export, and what each answer means: above all, whether one may have begun.

Written from rspace-web's ExportApiController and ExportApiSpringBatchHandlerImpl.
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from labferry.sdk import (
    AnswerLostError,
    ExportFailedError,
    ExportRequest,
    InvalidAnswerError,
    JobStatus,
    LabferryError,
    Names,
    SlotBusyError,
    TransientError,
    UnavailableError,
)
from labferry_rspace.answers import Answer
from labferry_rspace.client import Client
from labferry_rspace.jobs import read_job
from labferry_rspace.problems import URL_HINT, judge, said
from labferry_rspace.throttling import retry_after, slot_wait

_BUSY = "already a running export"
_DOING = "Asking RSpace for the export"
_FAILED = (
    "RSpace answers like this if the user or group does not exist, if the account's owner never "
    "logged in, or if the server's disk is short of space."
)


class KeptOrder(BaseModel):
    """An order that the ledger keeps, as the `parameters` of a request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def of(cls, request: ExportRequest) -> Self:
        """The order in a request, as it was written by `request`.

        Raises:
            InvalidAnswerError: It is none.
        """
        try:
            return cls.model_validate(request.parameters)
        except ValidationError:
            raise InvalidAnswerError(
                f"labferry can't read its note about export {request.series}. Another version of "
                "labferry wrote it."
            ) from None


class Order(KeptOrder):
    """What an export request asks of the server.

    Attributes:
        members: With scope group, the ids of its members where that was looked up: another group
            of people is another export. It is not sent.
    """

    format: Literal["xml", "html"]
    scope: Literal["user", "group", "selection"]
    id: int | None = None
    selections: tuple[int, ...] = ()
    members: tuple[int, ...] = ()
    max_link_level: int
    include_revision_history: bool

    def request(self, series: str, title: str, names: Names = Names()) -> ExportRequest:  # noqa: B008 - it can't be changed
        """The same as a request."""
        parameters = self.model_dump(mode="json", exclude_defaults=True)
        return ExportRequest(series, title, parameters, names=names)

    @property
    def path(self) -> str:
        """Below the API's root. Unlike parameters, these are checked before anything begins."""
        path = f"/export/{self.format}/{self.scope}"
        return path if self.id is None else f"{path}/{self.id}"

    @property
    def form(self) -> dict[str, str]:
        """The body: 2000 ids would be too long for a URL."""
        form = {
            "maxLinkLevel": str(self.max_link_level),
            "includeRevisionHistory": str(self.include_revision_history).lower(),
        }
        return form | (
            {"selections": ",".join(map(str, self.selections))} if self.selections else {}
        )


def submit(client: Client, order: Order, key: str) -> JobStatus:
    """Ask the server to begin an export, once.

    Raises:
        LabferryError: As `Source.submit` says.
    """
    answer = client.post(client.address.api(order.path), key, order.form)
    if not answer.ok:
        raise not_begun(answer, _DOING, _FAILED)
    job = read_job(answer, client.address)
    if job is None:
        raise AnswerLostError(
            f"{_DOING} was answered with HTTP {answer.status} and {answer.kind}, which names no "
            "job: an export may have begun."
        )
    return job


def not_begun(answer: Answer, doing: str, failed: str) -> LabferryError:  # noqa: PLR0911 - a table
    """The error that the answer to an order is, if it is not the one hoped for.

    Args:
        answer: The server's answer.
        doing: What was asked for, in words that begin a sentence.
        failed: What it means if the server says that it failed.
    """
    answered = f"HTTP {answer.status}{said(answer)}"
    match answer.status:
        case 401 | 403:
            return judge(answer, doing)
        case 429:
            return _put_off(answer, doing)
        case 408 | 503:
            # What stands before the server says that it is not there, or the request did not
            # arrive whole. Should that be wrong, the server's own rule of one export holds.
            wait = retry_after(answer.headers)
            return UnavailableError(f"{doing} was put off with {answered}.", retry_after=wait)
        case status if 300 <= status < 400:  # noqa: PLR2004 - HTTP's own numbers
            return judge(answer, doing)
        case status if status >= 500 and answer.problem is None:  # noqa: PLR2004 - likewise
            return AnswerLostError(
                f"{doing} was answered with HTTP {status} and {answer.kind}: an export may have "
                "begun."
            )
        case status if status >= 500:  # noqa: PLR2004 - likewise
            return _failed(answer, failed)
    answered = answered if answer.problem else f"HTTP {answer.status} and {answer.kind}"
    return InvalidAnswerError(
        f"{doing} was not understood: {answered}.",
        hint="" if answer.problem else URL_HINT,
    )


def _put_off(answer: Answer, doing: str) -> TransientError:
    problem = answer.problem
    if problem is not None and _BUSY in problem.message.lower():
        return SlotBusyError(
            f"RSpace already runs an export for this account{said(answer)}.",
            retry_after=slot_wait(answer.headers),
        )
    return TransientError(
        f"{doing} was put off, as requests were too frequent (HTTP 429{said(answer)}).",
        retry_after=retry_after(answer.headers),
    )


def _failed(answer: Answer, failed: str) -> ExportFailedError:
    problem = answer.problem
    unreadable = problem is not None and problem.code == 50004  # noqa: PLR2004 - RSpace's number
    return ExportFailedError(
        f"RSpace did not begin the export: HTTP {answer.status}{said(answer)}.",
        hint=(
            "One of the selected documents may not be read with this key; RSpace then refuses "
            "the whole selection."
            if unreadable
            else failed
        ),
    )
