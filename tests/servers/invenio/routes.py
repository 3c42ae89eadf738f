"""Which request goes where, and what happens around every one of them."""

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from tests.servers.invenio import drafts, files, published, publishing, search
from tests.servers.invenio.body import Interrupted
from tests.servers.invenio.faults import On
from tests.servers.invenio.messages import BINARY, JSON, RECORD, Problem, Request
from tests.servers.invenio.negotiate import check_accept, check_content_type
from tests.servers.invenio.state import Call, State

from labferry.testing.http.response import Response, html_response

_RECORD = (JSON, RECORD)
_LIST = (JSON,)
_BYTES: tuple[str, ...] = ()
_WRITES = ("POST", "PUT", "DELETE", "PATCH")


@dataclass(frozen=True)
class Route:
    """One call of the API.

    Attributes:
        offers: The types it can answer with; nothing: whatever is asked for.
        takes: The type of the body.
        locks: The records are locked for it; else it does so itself, for a part of its time.
    """

    kind: On
    method: str
    pattern: str
    handler: Callable[[Call], Response]
    offers: tuple[str, ...] = _RECORD
    takes: str | None = None
    locks: bool = True


_ID = "/api/records/([^/]+)"
_DRAFT = f"{_ID}/draft"
_FILE = f"{_DRAFT}/files/([^/]+)"
_ROUTES = (
    Route("create", "POST", "/api/records", drafts.create, takes=JSON),
    Route("search", "GET", "/api/records", search.everybody),
    Route("mine", "GET", "/api/user/records", search.mine),
    Route("read-draft", "GET", _DRAFT, drafts.read),
    Route("update-draft", "PUT", _DRAFT, drafts.replace, takes=JSON),
    Route("delete-draft", "DELETE", _DRAFT, drafts.delete),
    Route("edit", "POST", _DRAFT, drafts.edit, takes=JSON),
    Route("list-draft-files", "GET", f"{_DRAFT}/files", files.list_files),
    Route("register", "POST", f"{_DRAFT}/files", files.register, takes=JSON, locks=False),
    Route("draft-file", "GET", _FILE, files.show),
    Route("delete-file", "DELETE", _FILE, files.delete),
    Route("upload", "PUT", f"{_FILE}/content", files.upload, takes=BINARY, locks=False),
    Route("download-draft-file", "GET", f"{_FILE}/content", files.download, _BYTES),
    Route("commit", "POST", f"{_FILE}/commit", files.commit, takes=JSON),
    Route("reserve-doi", "POST", f"{_DRAFT}/pids/doi", publishing.reserve_doi, takes=JSON),
    Route(
        "publish",
        "POST",
        f"{_DRAFT}/actions/publish",
        publishing.publish,
        takes=JSON,
        locks=False,
    ),
    Route("import-files", "POST", f"{_DRAFT}/actions/files-import", files.import_files, takes=JSON),
    Route(
        "new-version", "POST", f"{_ID}/versions", publishing.new_version, takes=JSON, locks=False
    ),
    Route("versions", "GET", f"{_ID}/versions", published.versions),
    Route("latest", "GET", f"{_ID}/versions/latest", published.latest),
    Route("record", "GET", _ID, published.read),
    Route("delete-record", "DELETE", _ID, published.delete),
    Route("files", "GET", f"{_ID}/files", published.list_files, _LIST),
    Route("file", "GET", f"{_ID}/files/([^/]+)", published.show_file, _LIST),
    Route("download", "GET", f"{_ID}/files/([^/]+)/content", published.download, _BYTES),
)


def _find(request: Request) -> tuple[Route, tuple[str, ...]] | None:
    """The route and the path's variables; HEAD is answered wherever GET is."""
    method = "GET" if request.method == "HEAD" else request.method
    path = _tidy(request.path)
    for route in _ROUTES:
        match = re.fullmatch(route.pattern, path) if route.method == method else None
        if match:
            return route, tuple(unquote(part) for part in match.groups())
    return None


def _tidy(path: str) -> str:
    """A proxy in front resolves dots in paths, percent-encoded ones too."""
    dots = re.sub("%2e", ".", path, flags=re.IGNORECASE)
    return posixpath.normpath(dots) if {".", ".."} & set(dots.split("/")) else path


def kind_of(request: Request) -> On:
    """What fault plans and the request log call this request; ``other`` if it has no name."""
    found = _find(request)
    return found[0].kind if found else "other"


def token_of(request: Request) -> str:
    """The token that came along, in the header or, as it should not, in the address."""
    scheme, _, token = request.header("authorization").partition(" ")
    in_header = token.strip() if scheme.lower() == "bearer" else ""
    return in_header or request.params.get("access_token", "")


def answer(state: State, request: Request) -> Response:
    """Answer a request; every answer shows the rate limit and would like to set cookies."""
    headers: dict[str, str] = {}
    try:
        response = _answer(state, request, headers)
    except Problem as problem:
        response = problem.response()
    except Interrupted:
        response = Problem(400, "The request's body is incomplete.").response()
    response.headers.update(headers)
    response.headers["Set-Cookie"] = "csrftoken=simulated; Path=/"
    return response


def _answer(state: State, request: Request, headers: dict[str, str]) -> Response:
    found = _find(request)
    kind = found[0].kind if found else "other"
    token = token_of(request)
    state.throttle.admit(token, headers, search=kind in ("mine", "search"))
    if request.method in _WRITES and request.header("cookie"):
        raise Problem(400, "CSRF cookie not set or CSRF token missing.")
    if found is None:
        return html_response(404)
    route, parts = found
    check_accept(request, route.offers)
    if route.takes is not None:
        check_content_type(request, route.takes)
        if route.takes == JSON:
            # Before the lock: a client may be slow to send.
            _ = request.json
    call = Call(state, request, state.users.get(token), parts)
    if not route.locks:
        return route.handler(call)
    with state.lock:
        return route.handler(call)
