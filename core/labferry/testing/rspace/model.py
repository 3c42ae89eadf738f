"""The people and the work on a simulated server, as plain dataclasses."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum

LONG_AGO = datetime(2024, 3, 1, 9, 30, tzinfo=UTC)


class Role(Enum):
    """System roles, in RSpace's own spelling."""

    USER = "ROLE_USER"
    PI = "ROLE_PI"
    ADMIN = "ROLE_ADMIN"
    """Community admin."""
    SYSADMIN = "ROLE_SYSADMIN"


class Kind(Enum):
    """What a record is; the value is the prefix of its global id."""

    DOCUMENT = "SD"
    FOLDER = "FL"
    NOTEBOOK = "NB"
    MEDIA = "GL"
    """A gallery file; attachments of documents are gallery files too."""


@dataclass(frozen=True)
class User:
    """An account.

    Attributes:
        key: The API key, 16 to 32 letters and digits.
        initialised: False for an account whose owner never logged in; exporting it is answered
            with 500/50001.
        temporary: What ``GET /sysadmin/users`` lists without ``tempAccountsOnly=false``.
    """

    id: int
    username: str
    key: str
    role: Role = Role.USER
    first_name: str = "Some"
    last_name: str = "Body"
    enabled: bool = True
    initialised: bool = True
    temporary: bool = False
    created: datetime = LONG_AGO

    @property
    def full_name(self) -> str:
        """The name as the manifest's ``Exported by`` line has it."""
        return f"{self.first_name} {self.last_name}"

    @property
    def email(self) -> str:
        """An address that can reach nobody."""
        return f"{self.username}@example.com"


@dataclass(frozen=True)
class Group:
    """A group; members, admins and the PI are usernames.

    Attributes:
        view_all: The lab admins who may see all of the group's work.
        community_admins: They may export the members' work, but not the group.
        lab: False for a collaboration group, which gives its PI no rights over others.
        public: Whether ``/groups/search`` finds it.
    """

    id: int
    name: str
    pi: str
    members: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    view_all: tuple[str, ...] = ()
    community_admins: tuple[str, ...] = ()
    lab: bool = True
    public: bool = True

    @property
    def usernames(self) -> tuple[str, ...]:
        """Everyone in the group, the PI first."""
        return tuple(dict.fromkeys((self.pi, *self.admins, *self.view_all, *self.members)))

    def without(self, username: str) -> "Group":
        """The group when that member is gone."""

        def left(usernames: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(each for each in usernames if each != username)

        return replace(
            self,
            members=left(self.members),
            admins=left(self.admins),
            view_all=left(self.view_all),
            community_admins=left(self.community_admins),
        )

    def overseers(self) -> tuple[str, ...]:
        """Who may export the group and read its members' work."""
        return (self.pi, *self.view_all) if self.lab else ()


@dataclass(frozen=True)
class Record:
    """A document, folder, notebook or gallery file.

    Attributes:
        revisions: How many there are; the older ones are exported on request only.
        links: Ids of records the text links to; followed up to ``maxLinkLevel``.
        attachments: Ids of gallery files in the text; they come at every link level.
        shared_with: Usernames who may read it besides the owner and the overseers.
        sketch: Has a drawn image; its file name is random in every export.
        template: Left out of HTML exports.
        system: Part of the "Examples" which every export leaves out silently.
        broken: Fails while it is exported, and so is missing from the archive silently.
        nfs: Links to a filestore, so that ``nfsExports.xml`` is written.
        comments: What people wrote below it; a search finds comments too.
    """

    id: int
    name: str
    owner: str
    kind: Kind = Kind.DOCUMENT
    parent: int | None = None
    text: str = ""
    data: bytes = b""
    tags: str = ""
    revisions: int = 1
    links: tuple[int, ...] = ()
    attachments: tuple[int, ...] = ()
    shared_with: tuple[str, ...] = ()
    sketch: bool = False
    template: bool = False
    system: bool = False
    broken: bool = False
    nfs: bool = False
    comments: tuple[str, ...] = ()
    created: datetime = LONG_AGO
    modified: datetime = LONG_AGO

    @property
    def global_id(self) -> str:
        """Such as SD123."""
        return f"{self.kind.value}{self.id}"

    @property
    def is_container(self) -> bool:
        """Whether exporting it means exporting what is inside."""
        return self.kind in (Kind.FOLDER, Kind.NOTEBOOK)


@dataclass(frozen=True)
class Event:
    """Something that was done, as the activity shows it, besides creating and writing records.

    Attributes:
        action: Such as DELETE or MOVE, in RSpace's own spelling.
        about: What it was done to.
    """

    username: str
    action: str
    about: Mapping[str, str]
    moment: datetime


@dataclass(frozen=True)
class InventoryItem:
    """A sample, subsample or container of the Inventory."""

    global_id: str
    name: str
    owner: str


@dataclass
class World:
    """Everything a server knows. Replace an entry to change it while the server runs."""

    users: list[User] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    records: dict[int, Record] = field(default_factory=dict)
    inventory: list[InventoryItem] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def add(self, *records: Record) -> None:
        """Add records, or replace those with the same ids."""
        self.records.update({record.id: record for record in records})

    def delete(self, record_id: int) -> None:
        """Delete a record, as its owner does it.

        Raises:
            KeyError: There is none.
        """
        gone = self.records.pop(record_id)
        about = {"id": gone.global_id, "name": gone.name}
        self.events.append(Event(gone.owner, "DELETE", about, datetime.now(UTC)))

    def delete_user(self, username: str) -> None:
        """Delete an account with all that it owns, as a system administrator does by the API."""
        self.users = [user for user in self.users if user.username != username]
        self.groups = [group.without(username) for group in self.groups]
        self.records = {n: record for n, record in self.records.items() if record.owner != username}
        self.events = [event for event in self.events if event.username != username]

    def user(self, username: str) -> User:
        """The user of that name.

        Raises:
            KeyError: There is none.
        """
        for user in self.users:
            if user.username == username:
                return user
        raise KeyError(username)

    def user_by_id(self, user_id: int) -> User | None:
        """The user with that id, if any."""
        return next((user for user in self.users if user.id == user_id), None)

    def user_by_key(self, key: str) -> User | None:
        """Whose API key this is."""
        return next((user for user in self.users if user.key == key), None)

    def group(self, group_id: int) -> Group | None:
        """The group with that id, if any."""
        return next((group for group in self.groups if group.id == group_id), None)

    def groups_of(self, username: str) -> list[Group]:
        """The groups someone belongs to."""
        return [group for group in self.groups if username in group.usernames]

    def may_export_group(self, user: User, group: Group) -> bool:
        """PI, lab admin with view-all, sysadmin."""
        return user.role is Role.SYSADMIN or user.username in group.overseers()

    def may_export_user(self, user: User, other: User) -> bool:
        """Self, the group's PI, lab admin with view-all, community admin, sysadmin."""
        if user.role is Role.SYSADMIN or user.username == other.username:
            return True
        return any(
            user.username in (*group.overseers(), *group.community_admins)
            for group in self.groups_of(other.username)
        )

    def may_see_activity(self, user: User, username: str) -> bool:
        """Whose activity is shown: one's own, that of one's lab groups, to a sysadmin all."""
        if user.role is Role.SYSADMIN or user.username == username:
            return True
        groups = self.groups_of(username)
        if user.role is Role.ADMIN:
            return any(user.username in group.community_admins for group in groups)
        leads = any(group.lab and group.pi == user.username for group in groups)
        return user.role is Role.PI and leads

    def may_read(self, user: User, record: Record) -> bool:
        """Whether the user may see this record."""
        if user.username in record.shared_with:
            return True
        return self.may_export_user(user, self.user(record.owner))

    def owned_by(self, usernames: Iterable[str]) -> Iterator[Record]:
        """All work of these people."""
        wanted = set(usernames)
        return (record for record in self.records.values() if record.owner in wanted)

    def inside(self, container: Record) -> Iterator[Record]:
        """What a folder or notebook contains, at any depth."""
        for record in list(self.records.values()):
            if record.parent == container.id:
                yield record
                yield from self.inside(record)
