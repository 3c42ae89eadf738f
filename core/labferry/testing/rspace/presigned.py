"""The second origin: stands for S3, and answers presigned GETs as S3 does."""

import hashlib
import hmac
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode

from labferry.testing.http.response import Response
from labferry.testing.rspace.files import StoredFile
from labferry.testing.rspace.messages import BINARY, Request, internal
from labferry.testing.rspace.state import State

BUCKET = "rspace-exports"
_SECRET = b"only the server knows"
_SEVEN_DAYS = 7 * 24 * 3600
_STAMP = "%Y%m%dT%H%M%SZ"


def presign(state: State, name: str) -> str:
    """A link that is made anew at each poll, and good for the storage time.

    Raises:
        ApiProblem: The storage time is over SigV4's seven days.
    """
    if state.options.storage_time > _SEVEN_DAYS:
        raise internal(
            "Requests that are pre-signed by SigV4 algorithm are valid for at most 7 days"
        )
    path = f"/{BUCKET}/{name}"
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": state.today().astimezone(UTC).strftime(_STAMP),
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Expires": str(int(state.options.storage_time)),
        "X-Amz-Credential": "AKIASIMULATED/20260101/eu-west-1/s3/aws4_request",
    }
    query["X-Amz-Signature"] = _signature("GET", path, query)
    return f"{state.s3_url}{path}?{urlencode(query)}"


def _signature(method: str, path: str, query: dict[str, str]) -> str:
    signed = {key: value for key, value in query.items() if key != "X-Amz-Signature"}
    text = f"{method}\n{path}\n{urlencode(sorted(signed.items()))}"
    return hmac.new(_SECRET, text.encode(), hashlib.sha256).hexdigest()


def get_object(state: State, request: Request) -> Response:
    """Answer on the second origin. HEAD is refused: the signature is for GET."""
    query = {key: values[0] for key, values in parse_qs(request.query).items()}
    refused = _refusal(state, request, query)
    if refused is not None:
        return refused
    file = state.files.find(request.path.removeprefix(f"/{BUCKET}/"), state.now())
    if file is None or not file.on_s3:
        return _problem(404, "NoSuchKey", "The specified key does not exist.")
    return _whole_or_part(state, request, file)


def _refusal(state: State, request: Request, query: dict[str, str]) -> Response | None:
    if "X-Amz-Signature" not in query:
        return _problem(403, "AccessDenied", "Access Denied")
    if request.header("authorization"):
        return _problem(
            400,
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
            "query string parameter or the Authorization header should be specified",
        )
    if not hmac.compare_digest(
        query["X-Amz-Signature"], _signature(request.method, request.path, query)
    ):
        text = "The request signature we calculated does not match the signature you provided."
        return _problem(403, "SignatureDoesNotMatch", text)
    made = datetime.strptime(query["X-Amz-Date"], _STAMP).replace(tzinfo=UTC)
    if (state.today() - made).total_seconds() > int(query["X-Amz-Expires"]):
        return _problem(403, "AccessDenied", "Request has expired")
    return None


def _problem(status: int, code: str, message: str) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return Response.of(status, body.encode(), "application/xml")


def _uploaded(state: State, file: StoredFile, start: int, stop: int) -> Iterator[bytes]:
    """What S3 has: a version before 2.25 reads at a wrong place what is behind 2 GiB."""
    chunks = file.archive.chunks(start, stop)
    if not _is_faulty(state.options.version):
        yield from chunks
        return
    at = start
    for chunk in chunks:
        good = max(0, state.options.sound_bytes - at)
        yield chunk[:good] + bytes(byte ^ 0xFF for byte in chunk[good:])
        at += len(chunk)


def _is_faulty(version: str) -> bool:
    numbers = [int(number) for number in re.findall(r"\d+", version)]
    return [] < numbers[:2] < [2, 25]


def _whole_or_part(state: State, request: Request, file: StoredFile) -> Response:
    size = file.archive.size
    headers = {"Content-Type": BINARY, "ETag": file.etag, "Accept-Ranges": "bytes"}
    if request.headers.get("if-match", file.etag) != file.etag:
        return _problem(412, "PreconditionFailed", "At least one of the pre-conditions failed")
    wanted = request.header("range")
    if not wanted or request.headers.get("if-range", file.etag) != file.etag:
        return Response(200, headers, size, _uploaded(state, file, 0, size))
    span = _span(wanted, size)
    if span is None:
        refused = _problem(416, "InvalidRange", "The requested range is not satisfiable")
        refused.headers["Content-Range"] = f"bytes */{size}"
        return refused
    start, stop = span
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return Response(206, headers, stop - start, _uploaded(state, file, start, stop))


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    """The one range asked for, as start and stop; None if it cannot be satisfied."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted, re.ASCII)
    if match is None or not (match[1] or match[2]):
        return 0, size
    if not match[1]:
        start, stop = max(0, size - int(match[2])), size
    else:
        start, stop = int(match[1]), min(size, int(match[2]) + 1 if match[2] else size)
    return (start, stop) if start < stop else None
