"""Which request goes where, and what eLabFTW answers."""

import re
from collections.abc import Callable, Iterator
from http import HTTPStatus

from tests.servers.elabftw.faults import On
from tests.servers.elabftw.making import KNOWN, row
from tests.servers.elabftw.messages import JSON, Problem, Request, bare_failure, json_response
from tests.servers.elabftw.model import FLAGS, Export, State
from tests.servers.elabftw.state import Call, ServerState

from labferry.testing.http.response import Response, html_response

PNG = b"\x89PNG\r\n\x1a\n" + b"no such file" * 20
_PIECE = 16 * 1024
_KINDS: dict[tuple[str, str], On] = {
    ("GET", "/api/v2/info"): "info",
    ("GET", "/api/v2/users/me"): "me",
    ("POST", "/api/v2/exports"): "submit",
    ("GET", "/api/v2/exports"): "list",
    ("GET", "/api/v2/exports/N"): "job",
    ("DELETE", "/api/v2/exports/N"): "delete",
}
_TYPES = {"eln": "application/zip", "zip": "application/zip", "pdf": "application/pdf"}
_FIRST_WITH_EXPORTS, _FREE_DELETE, _RIGHT_LOCATION = 50100, 50200, 50200


def kind_of(request: Request) -> On:
    """What fault plans and the request log call this request; ``other`` if it has no name."""
    path = request.path.rstrip("/")
    if re.fullmatch(r"/api/v2/exports/\w+", path):
        path = "/api/v2/exports/N"
        if request.method == "GET" and request.params.get("format") == "binary":
            return "download"
    return _KINDS.get((request.method, path), "other")


def answer(state: ServerState, request: Request) -> Response:
    """Answer a request."""
    if state.options.maintenance:
        return html_response(200 if request.method == "GET" else 405, "Maintenance")
    if request.method in {"PUT", "HEAD"}:
        return html_response(405) if request.method == "PUT" else Response.of(400, b"", JSON)
    try:
        with state.lock:
            return _answer(state, request)
    except Problem as problem:
        return problem.response(state.options.version)


def _answer(state: ServerState, request: Request) -> Response:
    kind = kind_of(request)
    key = request.header("authorization")
    user = state.world.user_of(key)
    if user is None or key.startswith("Basic"):
        raise Problem(401, "No corresponding API key found!")
    may_write = user.keys[key]
    if request.method != "GET" and not may_write:
        raise Problem(400, "You are using a read-only key to execute a write action.")
    if request.method in {"POST", "PATCH"} or (
        request.method == "DELETE" and state.options.version < _FREE_DELETE
    ):
        _ = request.json
    last = request.path.rstrip("/").rpartition("/")[2]
    number = int(last) if last.isdigit() else None
    handler = _HANDLERS.get(kind)
    if handler is None or (
        "/exports" in request.path and state.options.version < _FIRST_WITH_EXPORTS
    ):
        raise Problem(400, "Incorrect endpoint.")
    return handler(Call(state, request, user, may_write, number))


def _info(call: Call) -> Response:
    number = call.state.options.version
    version = f"{number // 10000}.{number // 100 % 100}.{number % 100}"
    return json_response({"elabftw_version": version, "elabftw_version_int": number})


def _me(call: Call) -> Response:
    user = call.user
    return json_response(
        {"userid": user.id, "fullname": user.fullname, "team": user.team}
        | {"firstname": user.firstname, "is_sysadmin": int(user.is_sysadmin)}
    )


def _submit(call: Call) -> Response:
    body, state = call.request.json, call.state
    if any(flag in body and not isinstance(body[flag], str) for flag in FLAGS):
        return bare_failure()
    if body.get("format") not in KNOWN:
        raise Problem(400, "Incorrect format value.")
    limit = state.options.most_exports
    if len(state.exports_of(call.user.id)) >= limit:
        raise Problem(400, f"You cannot have more than {limit} exports. Delete one first.")
    flags = frozenset(flag for flag in FLAGS if body.get(flag) == "on")
    export = state.begin(call.user, body["format"], flags)
    if state.options.socket_down:
        raise Problem(500, "Unexpected error")
    word = "exports" if state.options.version >= _RIGHT_LOCATION else "export"
    site = state.options.site_url or state.url
    return Response.of(201, b"", JSON, Location=f"{site}/api/v2/{word}/{export.id}")


def _list(call: Call) -> Response:
    exports = call.state.exports_of(call.user.id)
    return json_response([row(export, call.state.options) for export in exports])


def _found(call: Call) -> Export:
    for export in call.state.exports_of(call.user.id):
        if export.id == call.number:
            return export
    raise Problem(404, "Nothing to show with this id")


def _job(call: Call) -> Response:
    if not call.number:
        return _list(call)
    return json_response(row(_found(call), call.state.options))


def _download(call: Call) -> Response:
    export = _found(call)
    if export.state is not State.READY or export.data is None:
        return bare_failure()
    if export.fate == "file lost":
        return Response.of(200, PNG, "image/png")
    kind = _TYPES.get(export.format, JSON)
    response = Response(HTTPStatus.OK, {"Content-Type": kind}, 0, _pieces(export.data))
    name = f"export-2026-11-01_10-00-00.{export.format}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.chunked = True
    return response


def _pieces(data: bytes) -> Iterator[bytes]:
    return (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))


def _delete(call: Call) -> Response:
    call.state.rows.remove(_found(call))
    return Response.of(204, b"", JSON)


_HANDLERS: dict[On, Callable[[Call], Response]] = {
    "info": _info,
    "me": _me,
    "submit": _submit,
    "list": _list,
    "job": _job,
    "download": _download,
    "delete": _delete,
}
