"""A simulated eLabFTW, for tests: its users, their work, and its export API.

It does what the real servers do on ``/api/v2``, their traps included::

    with SimulatedElabftw() as server:
        server.faults.add(Fault("download", html_answer(200)))
        ...  # speak to server.url with ALICE_KEY
        assert not server.faults.unfired()
        assert server.exports == []
"""

from tests.servers.elabftw.faults import Act, Fault, Faults, Meanwhile, On, Surroundings
from tests.servers.elabftw.messages import Problem
from tests.servers.elabftw.model import Entry, Export, State, Upload, User
from tests.servers.elabftw.options import Options
from tests.servers.elabftw.requestlog import RecordedRequest
from tests.servers.elabftw.server import SimulatedElabftw
from tests.servers.elabftw.world import ALICE_KEY, BOB_KEY, READ_ONLY_KEY, World, default_world

from labferry.testing.http.acts import Answer, Redirect, Reset, Stall, html_answer
from labferry.testing.http.damage import BitFlip, ExtraBytes, Slow, Truncate

__all__ = [
    "ALICE_KEY",
    "BOB_KEY",
    "READ_ONLY_KEY",
    "Act",
    "Answer",
    "BitFlip",
    "Entry",
    "Export",
    "ExtraBytes",
    "Fault",
    "Faults",
    "Meanwhile",
    "On",
    "Options",
    "Problem",
    "RecordedRequest",
    "Redirect",
    "Reset",
    "SimulatedElabftw",
    "Slow",
    "Stall",
    "State",
    "Surroundings",
    "Truncate",
    "Upload",
    "User",
    "World",
    "default_world",
    "html_answer",
]
