"""Who works on a simulated eLabFTW, and what they have written."""

from dataclasses import dataclass, field

from tests.servers.elabftw.model import Entry, Upload, User

ALICE_KEY = "7-" + "a11ce0" * 14
BOB_KEY = "8-" + "b0bb0b" * 14
READ_ONLY_KEY = "9-" + "0dd0e5" * 14


@dataclass
class World:
    """Users and entries."""

    users: list[User] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def user_of(self, key: str) -> User | None:
        """Whose key it is."""
        return next((user for user in self.users if key in user.keys), None)

    def entry(self, number: int) -> Entry:
        """The entry with an id."""
        return next(entry for entry in self.entries if entry.id == number)


def default_world() -> World:
    """Alice and Bob, in one team; Alice's work links to Bob's."""
    photo = Upload("gel photo.png", "1f/1fa2b3.png", b"\x89PNG\r\n\x1a\n" + b"pixels" * 200)
    table = Upload("results.csv", "2c/2c77aa.csv", b"sample,mass\nA,1.2\nB,3.4\n")
    users = [
        User(1, "Alice", "Abel", keys={ALICE_KEY: True, READ_ONLY_KEY: False}),
        User(2, "Bob", "Brown", keys={BOB_KEY: True}),
    ]
    entries = [
        Entry(
            "experiments",
            11,
            1,
            "Gel electrophoresis",
            tags=("gel", "dna"),
            comments=["Looks good."],
            steps=["Pour the gel", "Run it"],
            uploads=[photo, table],
            links=[21],
        ),
        Entry("experiments", 12, 1, "Empty experiment", uploads=[]),
        Entry("items", 13, 1, "Buffer TBE 10x"),
        Entry("experiments_templates", 14, 1, "Gel template"),
        Entry("items_types", 15, 2, "Chemical"),
        Entry(
            "experiments",
            21,
            2,
            "Bob's preparation",
            uploads=[Upload("protocol.txt", "3e/3e0001.txt", b"Shake well.\n")],
        ),
        Entry("experiments", 22, 2, "Bob's private notes", only_owner=True),
    ]
    return World(users, entries)
