"""Which records an export contains, and who may ask for it (ArchiveExportPlannerImpl)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labferry.testing.rspace.messages import ApiProblem, internal, unauthorised, unprocessable
from labferry.testing.rspace.model import Group, Kind, Record, User, World

MAX_IDS = 2000


@dataclass(frozen=True)
class ExportRequest:
    """What a client asked for, after its parameters were understood.

    Attributes:
        id: The user or group named in the path, if any.
        selections: Distinct record ids.
    """

    exporter: User
    format: str
    scope: str
    id: int | None = None
    selections: tuple[int, ...] = ()
    include_revision_history: bool = False
    max_link_level: int = 1

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for requests that export the same work in the same way."""
        return (self.exporter.username, self.format, self.scope, self.id, self.selections)


@dataclass(frozen=True)
class Target:
    """Whose work, or which records, after the permission to ask was given."""

    label: str
    usernames: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()


def check_scope(world: World, request: ExportRequest) -> Target:
    """Resolve the scope and check that the exporter may ask for it.

    Raises:
        ApiProblem: 401/40101, 422/42201 or 500/50001, as in the contract's table.
    """
    if request.scope == "user":
        return _check_user(world, request)
    if request.scope == "group":
        return _check_group(world, request)
    if request.scope == "selection":
        return _check_selection(world, request)
    # Only the path with an id gets here: there the parameters are not validated.
    scope = request.scope.upper()
    raise unprocessable(f"No enum constant com.researchspace.archive.ExportScope.{scope}")


def _check_user(world: World, request: ExportRequest) -> Target:
    exporter = request.exporter
    owner = exporter if request.id is None else world.user_by_id(request.id)
    if owner is None:
        raise internal(f"Object of class [User] with identifier [{request.id}]: not found")
    if not world.may_export_user(exporter, owner):
        raise unauthorised(f"{exporter.username} is not authorised to export a user's work")
    if not owner.initialised:
        raise internal(f"The account of {owner.username} was never initialised")
    # The label is the exporter's name even when the work is somebody else's.
    return Target(exporter.username, usernames=(owner.username,))


def _check_group(world: World, request: ExportRequest) -> Target:
    group = _own_group(world, request) if request.id is None else world.group(request.id)
    if group is None:
        raise internal(f"Object of class [Group] with identifier [{request.id}]: not found")
    if not world.may_export_group(request.exporter, group):
        raise _not_a_users_or_groups(request.exporter)
    return Target(group.name, usernames=group.usernames)


def _own_group(world: World, request: ExportRequest) -> Group:
    """Of several, the first of a set, which nobody ordered."""
    username = request.exporter.username
    for group in world.groups:
        if group.lab and group.pi == username:
            return group
    raise _not_a_users_or_groups(request.exporter)


def _not_a_users_or_groups(user: User) -> ApiProblem:
    return unauthorised(f"{user.username} is not authorised to: Export a user or group")


def _check_selection(world: World, request: ExportRequest) -> Target:
    if not request.selections:
        raise unprocessable("Please include one or more IDs to export")
    if len(request.selections) > MAX_IDS:
        raise unprocessable(
            f"Maximum number of Ids to export is {MAX_IDS}, "
            f"request contains {len(request.selections)} Ids"
        )
    found = tuple(world.records[item] for item in request.selections if item in world.records)
    if not found:
        raise unauthorised(
            f"{request.exporter.username} is not authorised to: Export a selection of "
        )
    return Target(found[0].name if len(found) == 1 else "SELECTION", records=found)


def plan(world: World, request: ExportRequest, target: Target) -> tuple[Record, ...]:
    """List the records that will be in the archive.

    Left out silently: what the exporter cannot read, the system's examples, records that fail,
    and in HTML templates.

    Raises:
        ApiProblem: 401/40101 for an unreadable folder of a selection, 500/50004 for an
            unreadable document.
    """
    if target.usernames:
        start: Iterable[Record] = world.owned_by(target.usernames)
    else:
        start = _expand(world, request.exporter, target.records)
    readable = [record for record in start if world.may_read(request.exporter, record)]
    linked = _with_links(world, request, readable)
    return tuple(record for record in linked if _exported(world, record, request.format))


def _expand(world: World, exporter: User, chosen: Sequence[Record]) -> list[Record]:
    for record in chosen:
        if world.may_read(exporter, record):
            continue
        if record.is_container:
            raise unauthorised(f"{exporter.username} is not authorised to read {record.global_id}")
        raise ApiProblem(500, 50004, "Could not start the batch export process")
    inside = [child for record in chosen for child in world.inside(record)]
    return [*chosen, *inside]


def _with_links(world: World, request: ExportRequest, start: Sequence[Record]) -> list[Record]:
    """Follow links up to ``maxLinkLevel``; attachments come along at every level, 0 included."""
    found = {record.id: record for record in start}
    level = list(start)
    for _ in range(request.max_link_level):
        level = _readable(world, request, (link for record in level for link in record.links))
        found.update({record.id: record for record in level})
    attached = (item for record in found.values() for item in record.attachments)
    found.update({record.id: record for record in _readable(world, request, list(attached))})
    return list(found.values())


def _readable(world: World, request: ExportRequest, ids: Iterable[int]) -> list[Record]:
    records = (world.records[item] for item in ids if item in world.records)
    return [record for record in records if world.may_read(request.exporter, record)]


def _exported(world: World, record: Record, export_format: str) -> bool:
    if record.broken or (export_format == "html" and record.template):
        return False
    return not _is_system(world, record)


def _is_system(world: World, record: Record) -> bool:
    if record.system:
        return True
    parent = world.records.get(record.parent) if record.parent is not None else None
    return parent is not None and _is_system(world, parent)


def progress_units(records: Sequence[Record]) -> int:
    """How many records the progress monitor counts: those that are written one by one."""
    return sum(record.kind in (Kind.DOCUMENT, Kind.MEDIA) for record in records)
