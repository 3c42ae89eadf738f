"""Finding out whether exports can work, without starting one."""

import re
from collections.abc import Iterator, Mapping

from labferry.sdk import Finding, InvalidAnswerError, RefusedError, Severity
from labferry.sdk.quoting import quote
from labferry_rspace.client import Client
from labferry_rspace.directory import Directory
from labferry_rspace.lanes import Credentials, Owner
from labferry_rspace.settings import RSpaceSettings

_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)
_SELECTIONS_SINCE = (1, 69, 19)


def _server_version(client: Client, key: str) -> str:
    """The version that the server says it is; empty if it does not say."""
    url = client.address.api("/status")
    status = client.fact(url, key, f"Asking {client.address.base} for its version")
    version = status.get("rspaceVersion") if isinstance(status, dict) else None
    return quote(version) if isinstance(version, str) else ""


def require_selections(client: Client, key: str) -> None:
    """Make sure that the server can export selections, before it is asked to.

    Raises:
        InvalidAnswerError: It is too old. A version that can't be read counts as new enough.
    """
    version = _server_version(client, key)
    match = _VERSION.match(version)
    if match and tuple(int(part or 0) for part in match.groups()) < _SELECTIONS_SINCE:
        raise InvalidAnswerError(
            f"RSpace {version} at {client.address.base} can't export selected records; "
            "1.69.19 is the first that can.",
            hint="Use scope user or group, or have the server updated.",
        )


def findings(
    client: Client, settings: RSpaceSettings, credentials: Credentials
) -> Iterator[Finding]:
    """What is worth telling about the server, the keys and the scope that need no list."""
    yield from server_findings(client, credentials)
    for owner in credentials.owners():
        _check_leader(settings, owner)


def server_findings(client: Client, credentials: Credentials) -> Iterator[Finding]:
    """What is worth telling about the server and the keys."""
    base = client.address.base
    if client.address.is_exposed:
        yield Finding(
            Severity.WARNING,
            f"{base} is not encrypted: keys and exports can be read on the way. Use https.",
        )
    owners = credentials.owners()
    for refusal in credentials.refusals():
        yield Finding(Severity.ERROR, f"{refusal.name} does not work: {refusal.reason}")
    version = _server_version(client, owners[0].key)
    yield Finding(Severity.OK, f"RSpace {version or 'of an unknown version'} answers at {base}.")
    for owner in owners:
        yield Finding(Severity.OK, f"Exports can run as {owner.lane}.")


def search_finding(directory: Directory, search: Mapping[str, str]) -> Finding:
    """How much a search finds."""
    total = directory.count(search)
    severity = Severity.OK if total else Severity.ERROR
    return Finding(severity, f"The search finds {total} documents.")


def _check_leader(settings: RSpaceSettings, owner: Owner) -> None:
    if settings.scope == "group" and settings.id is None and owner.is_pi is False:
        raise RefusedError(
            f"{owner.lane} leads no group, and scope group has no id.",
            hint="Set id to the group's id or name, or use the key of its PI.",
        )
