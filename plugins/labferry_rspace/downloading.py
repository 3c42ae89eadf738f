"""Fetching an archive, from RSpace itself or from where it keeps them (S3)."""

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from threading import Event

from labferry.sdk import (
    Download,
    InvalidAnswerError,
    LabferryError,
    NotFinishedError,
    NotFoundError,
    RefusedError,
    StoppedError,
    TransientError,
)
from labferry.sdk.http import Response
from labferry.sdk.http_headers import content_range, length
from labferry_rspace.answers import Answer
from labferry_rspace.client import Client
from labferry_rspace.problems import judge, said
from labferry_rspace.routing import Target, redirect, route
from labferry_rspace.versions import fault_of_uploads

_ACCEPT = {"Accept": "application/octet-stream, application/json;q=0.9"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_LONGEST_ERROR = 64 * 1024
_NO_ARCHIVE = ("text/html", "application/xhtml+xml", "application/json", "application/xml")
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]*"', re.ASCII)


@contextmanager
def download(
    client: Client, link: str, key: str, offset: int, validator: str | None
) -> Iterator[Download]:
    """Fetch an archive, from an offset on if it is still the same and the server can.

    Raises:
        LabferryError: As `Source.download` says.
    """
    target = route(client.address, link)
    fault = "" if target.keyed else _fault(client, key)
    if offset and validator and _STRONG_ETAG.fullmatch(validator):
        with _asked(client, target, key, _part(offset, validator)) as (end, response):
            resumed = _resumed(client, end, response, offset, validator)
            if resumed is not None:
                with _ended(resumed):
                    yield replace(resumed, known_fault=fault)
                return
    with _asked(client, target, key, {}) as (end, response):
        whole = _whole(client, end, response)
        with _ended(whole):
            yield replace(whole, known_fault=fault)


def _fault(client: Client, key: str) -> str:
    """What the server may have done to an archive that is elsewhere."""
    try:
        return fault_of_uploads(client, key)
    except (StoppedError, NotFinishedError):
        raise
    except LabferryError:
        return ""  # the archive may come all the same


@contextmanager
def _ended(download: Download) -> Iterator[None]:
    """In the end, have nothing more fetched over other connections."""
    try:
        yield
    finally:
        if isinstance(download.chunks, Generator):
            download.chunks.close()


def _part(offset: int, validator: str) -> Mapping[str, str]:
    return {"Range": f"bytes={offset}-", "If-Range": validator}


@contextmanager
def _asked(
    client: Client, target: Target, key: str, headers: Mapping[str, str]
) -> Iterator[tuple[Target, Response]]:
    """The answer at the end of all redirects, and where that is."""
    for _ in range(_MOST_REDIRECTS + 1):
        sent = key if target.keyed else None
        with client.stream(target.url, sent, {**_ACCEPT, **headers}) as response:
            location = response.headers.get("location")
            if response.status not in _REDIRECTS or location is None:
                yield target, response
                return
        target = redirect(client.address, target, location)
    raise InvalidAnswerError(
        f"The download from {target.place} was redirected more than {_MOST_REDIRECTS} times."
    )


def _resumed(
    client: Client, target: Target, response: Response, offset: int, validator: str
) -> Download | None:
    """The rest of the archive, or all of it; None if it must be asked for without a range."""
    if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return None
    if response.status != HTTPStatus.PARTIAL_CONTENT:
        return _whole(client, target, response)
    _check_content(target, response)
    begin, total = content_range(response.headers)
    if begin != offset or response.headers.get("etag", validator) != validator:
        return None
    return Download(offset, total, validator, _chunks(client, target, response, offset))


def _whole(client: Client, target: Target, response: Response) -> Download:
    if response.status != HTTPStatus.OK:
        raise _judge(target, _cut(response))
    _check_content(target, response)
    etag = response.headers.get("etag", "")
    validator = etag if _STRONG_ETAG.fullmatch(etag) else None
    return Download(0, length(response.headers), validator, _chunks(client, target, response, 0))


def _check_content(target: Target, response: Response) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _NO_ARCHIVE:
        what = "a web page" if "html" in kind else kind
        raise InvalidAnswerError(
            f"{target.place} answered with {what} instead of an archive.",
            hint="A login page or a proxy may stand between labferry and the server.",
        )


def _chunks(
    client: Client, target: Target, response: Response, begin: int
) -> Iterator[bytes | bytearray]:
    """What the answer has, which is all from `begin` on."""
    size = length(response.headers)
    if target.keyed or size is None or not _knows_ranges(response):
        yield from response.chunks()
        return
    fetch = partial(_piece, client, target, response.headers["etag"])
    yield from client.spreading.chunks(response, begin, begin + size, fetch)


def _knows_ranges(response: Response) -> bool:
    """Whether the place that answered will give any part of the same archive."""
    headers = response.headers
    offers = headers.get("accept-ranges", "").lower() == "bytes"
    return offers and _STRONG_ETAG.fullmatch(headers.get("etag", "")) is not None


def _piece(
    client: Client, target: Target, etag: str, begin: int, end: int, ended: Event
) -> bytearray:
    """Part of an archive, asked for by itself.

    Raises:
        TransientError: It did not come, or not as it was asked for.
    """
    asked = {**_ACCEPT, "Range": f"bytes={begin}-{end - 1}", "If-Match": etag}
    piece = bytearray()
    with client.stream(target.url, None, asked) as response:
        headers = response.headers
        sent = (headers.get("etag", etag), content_range(headers)[0])
        if response.status != HTTPStatus.PARTIAL_CONTENT or sent != (etag, begin):
            raise TransientError(
                f"{target.place} did not send the requested part ({asked['Range']}) of the archive "
                f"(HTTP {response.status})."
            )
        for chunk in response.chunks():
            piece += chunk
            if ended.is_set() or len(piece) > end - begin:
                break
    if len(piece) != end - begin:
        raise TransientError(f"{target.place} sent a part of the archive with a wrong length.")
    return piece


def _cut(response: Response) -> Answer:
    """The beginning of an error's body."""
    answer = response.answer(_LONGEST_ERROR)
    return Answer(answer.status, answer.headers, answer.body)


def _judge(target: Target, answer: Answer) -> LabferryError:
    doing = f"Downloading {target.place}"
    status = answer.status
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return NotFoundError(f"{doing}: the archive is not there (HTTP {status}).")
    if not target.keyed and status in {400, 401, 403}:
        # S3 says 403, or 400 for temporary credentials, once a presigned link has expired.
        return RefusedError(
            f"{doing}: the storage does not accept the link (HTTP {status}).",
            hint="A presigned link is valid for a limited time. The job gives a new one.",
        )
    if target.keyed and status == HTTPStatus.INTERNAL_SERVER_ERROR and answer.problem:
        # RSpace's way of saying that a file is not there.
        return NotFoundError(f"{doing}: the archive is not there (HTTP 500{said(answer)}).")
    error = judge(answer, doing)
    if isinstance(error, InvalidAnswerError) and status in _REDIRECTS:
        return TransientError(f"{doing} was answered with a redirect without a target.")
    return error
