"""A simulated RSpace server, for tests and for ``labferry demo``.

It is written from RSpace's source, not from its documentation, and does what a real server does
on the export API, its traps included::

    with SimulatedRSpace() as server:
        server.faults.add(Fault("download", Truncate(1000)))
        ...  # speak to server.url with ALICE_KEY
        assert not server.faults.unfired()
"""

from labferry.testing.http.acts import Answer, Redirect, Reset, Stall, html_answer, huge_answer
from labferry.testing.http.damage import (
    BitFlip,
    ChangedETag,
    ExtraBytes,
    IgnoreRange,
    Slow,
    Truncate,
    WrongContentRange,
    WrongLength,
)
from labferry.testing.http.plan import Planned
from labferry.testing.rspace.acts import Restart, json_answer
from labferry.testing.rspace.big import BigArchive
from labferry.testing.rspace.faults import Act, Fault, Faults, JobEnds, On, Surroundings
from labferry.testing.rspace.jobs import JobTiming, Outcome
from labferry.testing.rspace.model import (
    Event,
    Group,
    InventoryItem,
    Kind,
    Record,
    Role,
    User,
    World,
)
from labferry.testing.rspace.options import Options
from labferry.testing.rspace.planning import ExportRequest
from labferry.testing.rspace.repack import RealArchive
from labferry.testing.rspace.requestlog import RecordedExport, RecordedRequest
from labferry.testing.rspace.server import SimulatedRSpace
from labferry.testing.rspace.throttle import Limit, Throttling
from labferry.testing.rspace.world import (
    ALICE,
    ALICE_KEY,
    BOB,
    BOB_KEY,
    CHEM_LAB,
    LAB_ADMIN,
    LAB_ADMIN_KEY,
    OUTSIDER,
    OUTSIDER_KEY,
    PI,
    PI_KEY,
    SYSADMIN,
    SYSADMIN_KEY,
    default_world,
)

__all__ = [
    "ALICE",
    "ALICE_KEY",
    "BOB",
    "BOB_KEY",
    "CHEM_LAB",
    "LAB_ADMIN",
    "LAB_ADMIN_KEY",
    "OUTSIDER",
    "OUTSIDER_KEY",
    "PI",
    "PI_KEY",
    "SYSADMIN",
    "SYSADMIN_KEY",
    "Act",
    "Answer",
    "BigArchive",
    "BitFlip",
    "ChangedETag",
    "Event",
    "ExportRequest",
    "ExtraBytes",
    "Fault",
    "Faults",
    "Group",
    "IgnoreRange",
    "InventoryItem",
    "JobEnds",
    "JobTiming",
    "Kind",
    "Limit",
    "On",
    "Options",
    "Outcome",
    "Planned",
    "RealArchive",
    "Record",
    "RecordedExport",
    "RecordedRequest",
    "Redirect",
    "Reset",
    "Restart",
    "Role",
    "SimulatedRSpace",
    "Slow",
    "Stall",
    "Surroundings",
    "Throttling",
    "Truncate",
    "User",
    "World",
    "WrongContentRange",
    "WrongLength",
    "default_world",
    "html_answer",
    "huge_answer",
    "json_answer",
]
