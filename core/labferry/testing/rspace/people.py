"""``/status``, ``/userDetails/whoami``, ``/groups`` and ``/sysadmin/users``."""

from typing import Any

from labferry.testing.http.response import Response
from labferry.testing.rspace.messages import ApiProblem, json_response, unauthorised
from labferry.testing.rspace.model import Group, Role, User
from labferry.testing.rspace.paging import ordered, page
from labferry.testing.rspace.state import Call


def status(call: Call) -> Response:
    """Say that the server is there, and its version."""
    return json_response({"message": "OK", "rspaceVersion": call.state.options.version})


def whoami(call: Call) -> Response:
    """Say whose key this is."""
    return json_response(_user(call.user))


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "homeFolderId": user.id * 10 if user.initialised else None,
        "workbenchId": None,
        "hasPiRole": user.role is Role.PI,
        "hasSysAdminRole": user.role is Role.SYSADMIN,
        "_links": [],
    }


def groups(call: Call) -> Response:
    """List the caller's own groups, as a plain array."""
    return json_response([_group(call, group) for group in _own(call)])


def group(call: Call) -> Response:
    """Show one of the caller's own groups; to a sysadmin any. Nobody learns which others exist."""
    wanted = call.parts[0]
    found = call.state.world.group(int(wanted)) if wanted.isascii() and wanted.isdigit() else None
    if found is None or not (call.user.role is Role.SYSADMIN or found in _own(call)):
        raise ApiProblem(
            404, 50301, f"Group with id: {wanted} not found, or the user isn't a member."
        )
    return json_response(_group(call, found))


def search_groups(call: Call) -> Response:
    """Find lab groups with public profiles by name."""
    query = call.request.param("query").lower()
    found = [
        group
        for group in call.state.world.groups
        if group.lab and group.public and query in group.name.lower()
    ]
    return json_response([_group(call, group) for group in found])


def _own(call: Call) -> list[Group]:
    return call.state.world.groups_of(call.user.username)


def _group(call: Call, group: Group) -> dict[str, Any]:
    world = call.state.world
    return {
        "id": group.id,
        "globalId": f"GP{group.id}",
        "name": group.name,
        "type": "LAB_GROUP" if group.lab else "COLLABORATION_GROUP",
        "members": [
            {
                "id": world.user(username).id,
                "username": username,
                "role": _role_in(group, username),
            }
            for username in group.usernames
        ],
        "_links": [],
    }


def _role_in(group: Group, username: str) -> str:
    if username == group.pi:
        return "PI"
    return "LAB_ADMIN" if username in (*group.admins, *group.view_all) else "USER"


def users(call: Call) -> Response:
    """List accounts, for sysadmins from allowed addresses; by default temporary ones only.

    Those that were created at the same moment come in any order, and on each page in another one.
    An account looks as in ``whoami``: nothing says whether it is enabled or when it was made.
    """
    if call.user.role is not Role.SYSADMIN:
        raise unauthorised(f"{call.user.username} is not a sysadmin")
    if not call.state.options.sysadmin_addresses_allowed:
        raise unauthorised("Requests of a sysadmin are not allowed from this address")
    everybody = call.request.param("tempAccountsOnly", "true").lower() == "false"
    listed = [
        {"creationDate": user.created, "account": _user(user)}
        for user in call.state.world.users
        if everybody or user.temporary
    ]
    order = ("creationDate",), "creationDate asc"
    accounts = [item["account"] for item in ordered(call, listed, *order, unsteady=True)]
    return json_response(page(call, "/api/v1/sysadmin/users", "users", accounts))
