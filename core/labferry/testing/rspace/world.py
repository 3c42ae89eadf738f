"""A small laboratory, so that a server started with no arguments has something to export."""

import base64

from labferry.testing.rspace.model import (
    Group,
    InventoryItem,
    Kind,
    Record,
    Role,
    User,
    World,
)

ALICE_KEY = "aliceAliceAliceAlice01"
BOB_KEY = "bobBobBobBobBobBob02"
PI_KEY = "piPiPiPiPiPiPiPi03"
LAB_ADMIN_KEY = "labAdminLabAdmin04"
SYSADMIN_KEY = "sysadminSysadmin05"
OUTSIDER_KEY = "outsiderOutsider06"

ALICE = User(101, "alice", ALICE_KEY, first_name="Alice", last_name="Ames")
BOB = User(102, "bob", BOB_KEY, first_name="Bob", last_name="Breslow")
PI = User(103, "pi", PI_KEY, Role.PI, first_name="Petra", last_name="Imhoff")
LAB_ADMIN = User(104, "labadmin", LAB_ADMIN_KEY, first_name="Lars", last_name="Admin")
SYSADMIN = User(105, "sysadmin1", SYSADMIN_KEY, Role.SYSADMIN, first_name="Sys", last_name="Admin")
OUTSIDER = User(106, "outsider", OUTSIDER_KEY, first_name="Olga", last_name="Outside")
TEMPORARY = User(107, "temp1", "temporaryTemporary07", temporary=True)

CHEM_LAB = Group(
    1234, "Chem Lab", "pi", members=("alice", "bob"), admins=("labadmin",), view_all=("labadmin",)
)

_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def _alices_work() -> list[Record]:
    return [
        Record(200, "alice", "alice", Kind.FOLDER),
        Record(201, "Lab Book", "alice", Kind.NOTEBOOK, parent=200),
        Record(
            202,
            "Titration of acetic acid",
            "alice",
            parent=201,
            text="<p>0.1 M NaOH, end point at 12.4 ml</p>",
            tags="titration",
            revisions=3,
            attachments=(205,),
            links=(203,),
        ),
        Record(
            203, "Buffer recipes", "alice", parent=200, text="<p>TRIS, pH 7.4</p>", links=(212,)
        ),
        Record(204, "Ring closure", "alice", parent=200, text="<p>A sketch</p>", sketch=True),
        Record(205, "burette.png", "alice", Kind.MEDIA, data=_PNG),
        Record(206, "Examples", "alice", Kind.FOLDER, parent=200, system=True),
        Record(207, "Report form", "alice", parent=200, template=True, text="<p>Fill in</p>"),
    ]


def _others_work() -> list[Record]:
    return [
        Record(210, "bob", "bob", Kind.FOLDER),
        Record(211, "NMR runs", "bob", parent=210, text="<p>400 MHz, CDCl3</p>", revisions=2),
        Record(212, "Stock solutions", "bob", parent=210, shared_with=("alice",)),
        Record(220, "Grant proposal", "pi", text="<p>Aims</p>"),
        Record(230, "Something private", "outsider", text="<p>Not the lab's</p>"),
        Record(231, "outsider", "outsider", Kind.FOLDER),
    ]


def default_world() -> World:
    """Alice and Bob in Petra's Chem Lab, with a lab admin, a sysadmin and an outsider."""
    world = World(
        users=[ALICE, BOB, PI, LAB_ADMIN, SYSADMIN, OUTSIDER, TEMPORARY],
        groups=[CHEM_LAB],
        inventory=[
            InventoryItem("SA301", "Acetic acid, glacial", "alice"),
            InventoryItem("IC302", "Freezer 2", "alice"),
            InventoryItem("SA303", "CDCl3", "bob"),
        ],
    )
    world.add(*_alices_work(), *_others_work())
    return world
