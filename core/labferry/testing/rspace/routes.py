"""Which request goes where, and what happens around every one of them."""

import re
from collections.abc import Callable
from datetime import UTC
from email.utils import format_datetime
from http import HTTPStatus

from labferry.testing.http.response import Response, html_response
from labferry.testing.rspace import downloads, inventory, jobroute, people, submit, work
from labferry.testing.rspace.messages import JSON, ApiProblem, Request, unauthorised
from labferry.testing.rspace.model import User
from labferry.testing.rspace.presigned import get_object
from labferry.testing.rspace.state import Call, State

_KEY = re.compile(r"[A-Za-z0-9]{16,32}")
_ROUTES: tuple[tuple[str, str, str, Callable[[Call], Response]], ...] = (
    ("submit", "POST", r"/api/v1/export/([^/]+)/([^/]+)(?:/([^/]+))?", submit.submit),
    ("poll", "GET", r"/api/v1/jobs/([^/]+)", jobroute.poll),
    ("download", "GET", r"/api/v1/export/([^/]+)", downloads.download),
    ("status", "GET", r"/api/v1/status", people.status),
    ("whoami", "GET", r"/api/v1/userDetails/whoami", people.whoami),
    ("groups", "GET", r"/api/v1/groups", people.groups),
    ("groups", "GET", r"/api/v1/groups/search", people.search_groups),
    ("groups", "GET", r"/api/v1/groups/([^/]+)", people.group),
    ("users", "GET", r"/api/v1/sysadmin/users", people.users),
    ("documents", "GET", r"/api/v1/documents", work.documents),
    ("activity", "GET", r"/api/v1/activity", work.activity),
    ("inventory", "POST", r"/api/inventory/v1/export", inventory.export_inventory),
)


def _plain_path(path: str) -> str:
    """One trailing slash is forgiven, and doubled ones, which a prefix ending in ``/`` makes."""
    return re.sub(r"//+", "/", path).removesuffix("/")


def kind_of(request: Request) -> str:
    """What fault plans and the request log call this request; ``other`` if it has no name."""
    if request.origin == "s3":
        return "download"
    method, path = _reading(request.method), _plain_path(request.path)
    for kind, wanted, pattern, _ in _ROUTES:
        if wanted == method and re.fullmatch(pattern, path):
            return kind
    return "other"


def _reading(method: str) -> str:
    """HEAD is answered wherever GET is."""
    return "GET" if method == "HEAD" else method


def credential_of(request: Request) -> str:
    """The key that came along: the ``apiKey`` header, or a bearer token."""
    scheme, _, token = request.header("authorization").partition(" ")
    return request.header("apikey") or (token.strip() if scheme.lower() == "bearer" else "")


def answer(state: State, request: Request) -> Response:
    """Answer a request on either origin."""
    if request.origin == "s3":
        return get_object(state, request)
    if _header_bytes(request) > state.options.max_header_bytes:
        return html_response(400)
    path = _plain_path(request.path)
    methods = set()
    for _, method, pattern, handler in _ROUTES:
        match = re.fullmatch(pattern, path)
        if match and method == _reading(request.method):
            parts = tuple(part for part in match.groups() if part is not None)
            return _guarded(state, request, parts, handler)
        methods |= {method} if match else set()
    return html_response(405 if methods else 404)


def _header_bytes(request: Request) -> int:
    line = len(request.method) + len(request.path) + len(request.query)
    return line + sum(len(name) + len(value) + 4 for name, value in request.headers.items())


def _guarded(
    state: State, request: Request, parts: tuple[str, ...], handler: Callable[[Call], Response]
) -> Response:
    """Throttle, then credentials, then the route; errors become ApiErrors, or HTML."""
    rate_headers: dict[str, str] = {}
    try:
        is_inventory = "inventory/v1" in request.path
        state.throttle.admit(credential_of(request), rate_headers, inventory=is_inventory)
        user = _authenticate(state, credential_of(request))
        response = handler(Call(state, request, user, parts))
    except ApiProblem as problem:
        # Spring cannot write an ApiError to who takes no JSON, and fails over that.
        response = problem.response() if request.admits_json else html_response(500)
    else:
        if response.headers["Content-Type"] == JSON and not request.admits_json:
            # The effect took place: a POST has started its job.
            response = html_response(HTTPStatus.NOT_ACCEPTABLE)
    response.headers.update(rate_headers)
    response.headers["Date"] = format_datetime(state.today().astimezone(UTC), usegmt=True)
    return response


def _authenticate(state: State, key: str) -> User:
    if not state.options.api_enabled:
        raise unauthorised("The RSpace API is not available on this server")
    if not key:
        raise unauthorised("An API key is required in the apiKey header")
    if not _KEY.fullmatch(key):
        raise unauthorised(f"The API key is invalid, it must match {_KEY.pattern}")
    user = state.world.user_by_key(key)
    if user is None:
        # The real server repeats the key's first character too.
        raise unauthorised(f"No user could be found for the API key beginning with '{key[0]}'")
    if not user.enabled:
        raise unauthorised(f"The account of {user.username} is disabled")
    return user
