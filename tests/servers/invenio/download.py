"""The bytes of a file as an answer."""

import re

from tests.servers.invenio.messages import BINARY, Problem
from tests.servers.invenio.model import Entry
from tests.servers.invenio.state import Call

from labferry.testing.http.response import Response


def content_response(call: Call, entry: Entry) -> Response:
    """All bytes, or where the server answers range requests those that were asked for.

    Raises:
        Problem: 404, there are none yet; 416, not these.
    """
    content = entry.content
    if content is None:
        raise Problem(404, f"File with key {entry.key} has no content.")
    headers = {
        "Content-Type": BINARY,
        "Content-Disposition": "attachment",
        "ETag": f'"md5:{content.md5}"',
    }
    span = _span(call, content.size)
    if span is None:
        return Response(200, headers, content.size, content.chunks(0, content.size))
    start, stop = span
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size}"
    return Response(206, headers, stop - start, content.chunks(start, stop))


def _span(call: Call, size: int) -> tuple[int, int] | None:
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", call.request.header("range"))
    if wanted is None or not call.state.options.ranges:
        return None
    start = int(wanted[1])
    stop = min(size, int(wanted[2]) + 1) if wanted[2] else size
    if start >= stop:
        raise Problem(416, "Requested range is not satisfiable.")
    return start, stop
