"""Asking for a job's state.

Whatever can't be the server's word on the job (a maintenance page, another job, a redirect) is
treated as not having reached it: the job stays known, and is asked for again.
"""

from http import HTTPStatus

from labferry.sdk import (
    InvalidAnswerError,
    JobState,
    JobStatus,
    LabferryError,
    TransientError,
)
from labferry_rspace.answers import Answer
from labferry_rspace.client import Client
from labferry_rspace.jobs import job_link, read_job
from labferry_rspace.problems import judge, said
from labferry_rspace.throttling import asked_wait


def poll(client: Client, job: str, link: str, key: str) -> JobStatus:
    """Ask for a job's state.

    Raises:
        LabferryError: As `Source.poll` says.
    """
    if not (job.isascii() and job.isdigit()):
        raise InvalidAnswerError(f"{job!r} is no job of RSpace: its jobs have numbers.")
    url = job_link(client.address, job, link)
    answer = client.get(url, key)
    status = read_job(answer, client.address, job) if answer.ok else None
    if status is not None:
        return status
    problem = answer.problem
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and problem is not None:
        # A failed export reads as COMPLETED without a result, and so as HTTP 500 for ever.
        return JobStatus(
            job, url, JobState.BROKEN, reason=problem.text, wait=asked_wait(answer.headers)
        )
    raise _judge(answer, f"Asking RSpace for job {job}")


def _judge(answer: Answer, doing: str) -> LabferryError:
    error = judge(answer, doing)
    if isinstance(error, InvalidAnswerError) and answer.problem is None:
        return TransientError(f"{doing} was answered with HTTP {answer.status} and {answer.kind}.")
    if answer.ok:
        return TransientError(f"{doing} was answered with something else{said(answer)}.")
    return error
