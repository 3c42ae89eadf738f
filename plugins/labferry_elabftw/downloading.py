"""Fetching an archive. The server sends no length, and always the whole file.

It says 200 also when the file is not there, with a picture, and in maintenance, with a web page.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from itertools import chain

from labferry.sdk import Download, InvalidAnswerError, NotFoundError, TransientError
from labferry.sdk.http import Answer, Response
from labferry.sdk.http_headers import length
from labferry_elabftw.address import job_of
from labferry_elabftw.client import Client
from labferry_elabftw.problems import unexpected

_LONGEST_ERROR = 64 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"


@contextmanager
def download(client: Client, link: str, key: str) -> Iterator[Download]:
    """Fetch an archive from its beginning.

    Raises:
        LabferryError: As `Source.download` says.
    """
    job = job_of(link)
    if not job:
        raise InvalidAnswerError("The link does not contain the number of an eLabFTW export.")
    doing = f"Downloading export {job} of eLabFTW"
    with client.stream(f"/exports/{job}?format=binary", key) as response:
        if response.status != HTTPStatus.OK:
            _fail(response, doing)
        chunks = response.chunks()
        head = _head(chunks)
        _require_archive(response, head, doing)
        whole = chain([head], chunks) if head else chunks
        yield Download(0, length(response.headers), None, whole)


def _head(chunks: Iterator[bytes | bytearray]) -> bytes:
    """The first bytes, enough to tell a picture or a page."""
    head = bytearray()
    for chunk in chunks:
        head += chunk
        if len(head) >= len(_PNG):
            break
    return bytes(head)


def _require_archive(response: Response, head: bytes, doing: str) -> None:
    kind = response.headers.get("content-type", "").lower()
    if kind.startswith("image/") or head.startswith(_PNG):
        raise NotFoundError(
            f"{doing}: the server sent a picture. It does this if it no longer has the file."
        )
    if "html" in kind or head.lstrip().startswith(b"<"):
        raise TransientError(
            f"{doing} was answered with a web page.", hint="The server may be in maintenance."
        )


def _fail(response: Response, doing: str) -> None:
    answer: Answer = response.answer(_LONGEST_ERROR)
    if answer.status == HTTPStatus.NOT_FOUND and not answer.is_page:
        raise NotFoundError(f"{doing}: the export is not there (HTTP 404).")
    raise unexpected(answer, doing)
