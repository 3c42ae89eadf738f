"""Finding out whether exports can work, without starting one."""

from collections.abc import Iterator, Mapping, Sequence

from labferry.sdk import Finding, InvalidAnswerError, NotFoundError, RefusedError, Severity
from labferry.sdk.quoting import quote
from labferry_rspace.client import Client
from labferry_rspace.directory import Directory, Group
from labferry_rspace.lanes import Credentials, Owner
from labferry_rspace.searching import find
from labferry_rspace.settings import RSpaceSettings
from labferry_rspace.versions import is_before, server_version

_SELECTIONS_SINCE = (1, 69, 19)


def require_selections(client: Client, key: str) -> None:
    """Make sure that the server can export selections, before it is asked to.

    Raises:
        InvalidAnswerError: It is too old. A version that can't be read counts as new enough.
    """
    version = server_version(client, key)
    if is_before(version, _SELECTIONS_SINCE):
        raise InvalidAnswerError(
            f"RSpace {version} at {client.address.base} can't export selected records; this needs "
            "RSpace 1.69.19 or later.",
            hint="Use scope user or group, or ask the server's administrator to update it.",
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
            f"The connection to {base} is not encrypted: others can read keys and exports on the "
            "way. Use https.",
        )
    owners = credentials.owners()
    for refusal in credentials.refused():
        yield Finding(Severity.ERROR, f"{refusal.name} does not work: {refusal.reason}")
    version = server_version(client, owners[0].key)
    yield Finding(Severity.OK, f"RSpace {version or 'of an unknown version'} answers at {base}.")
    for owner in owners:
        yield Finding(Severity.OK, f"Exports can run as {owner.lane}.")


def search_findings(directory: Directory, search: Mapping[str, str]) -> Iterator[Finding]:
    """How much a search finds, and whether that may be cut."""
    found = find(directory, search)
    severity = Severity.OK if found.ids else Severity.ERROR
    yield Finding(severity, f"The search finds {len(found.ids)} documents.")
    if found.doubt:
        yield Finding(
            Severity.WARNING,
            "There may be more: RSpace silently limits the results of a search, and "
            f"{found.doubt}.",
        )


def group_finding(number: int, views: Sequence[tuple[Owner, Directory]]) -> Finding:
    """Whether a group can be exported, before it is asked for.

    Args:
        number: The group's id.
        views: The owners of the keys, and what each of them sees.

    Raises:
        NotFoundError: No key sees such a group.
        RefusedError: None of them may export it.
    """
    seen = [(owner, directory.group(number)) for owner, directory in views]
    known = [(owner, group) for owner, group in seen if group is not None]
    lanes = " and ".join(owner.lane for owner, _ in views)
    if not known:
        raise NotFoundError(
            f"There is no group {number}, or {lanes} may not see it.",
            hint="Check id. Only a group's members, its PI and system administrators see it.",
        )
    name = quote(known[0][1].name)
    if any(_may_export(owner, group) for owner, group in known):
        return Finding(Severity.OK, f"Group {number} is {name}.")
    if all(owner.username in group.members for owner, group in known):
        raise RefusedError(
            f"Group {number} ({name}) can't be exported with {lanes}: an ordinary member does not "
            "see all of the group's work.",
            hint="Use the key of its PI, of a lab admin who may see all work, or of a system "
            "administrator.",
        )
    return Finding(
        Severity.WARNING,
        f"Group {number} is {name}. RSpace does not say whether {lanes} may export it.",
    )


def _may_export(owner: Owner, group: Group) -> bool:
    """Whether that is likely; a lab admin may or may not see all of the group's work."""
    return owner.is_sysadmin or owner.username in group.leaders | group.admins


def _check_leader(settings: RSpaceSettings, owner: Owner) -> None:
    if settings.scope == "group" and settings.id is None and owner.is_pi is False:
        raise RefusedError(
            f"{owner.lane} is not the PI of any group, and id is not set.",
            hint="Set id to the group's id or name, or use the key of its PI.",
        )
