"""A simulated InvenioRDM or Zenodo, for tests.

It does what the real servers do on ``/api/records``, their traps included::

    with SimulatedInvenio(InvenioOptions(zenodo=True)) as server:
        server.faults.add(Fault("publish", html_answer(504, after_effect=True)))
        ...  # speak to server.url with server.token
        assert not server.faults.unfired()
        assert [record.doi for record in server.records.values()]
"""

from tests.servers.invenio.faults import (
    Act,
    CutUpload,
    Fault,
    Faults,
    FlipUpload,
    Meanwhile,
    On,
    Rewrite,
    ShortUpload,
    Surroundings,
)
from tests.servers.invenio.messages import Problem
from tests.servers.invenio.options import InvenioOptions, RateLimit
from tests.servers.invenio.person import Person
from tests.servers.invenio.requestlog import RecordedRequest
from tests.servers.invenio.server import SimulatedInvenio
from tests.servers.invenio.views import StoredFile, StoredRecord

from labferry.testing.http.acts import Answer, Redirect, Reset, Stall, html_answer, huge_answer
from labferry.testing.http.damage import BitFlip, ExtraBytes, IgnoreRange, Slow, Truncate

__all__ = [
    "Act",
    "Answer",
    "BitFlip",
    "CutUpload",
    "ExtraBytes",
    "Fault",
    "Faults",
    "FlipUpload",
    "IgnoreRange",
    "InvenioOptions",
    "Meanwhile",
    "On",
    "Person",
    "Problem",
    "RateLimit",
    "RecordedRequest",
    "Redirect",
    "Reset",
    "Rewrite",
    "ShortUpload",
    "SimulatedInvenio",
    "Slow",
    "Stall",
    "StoredFile",
    "StoredRecord",
    "Surroundings",
    "Truncate",
    "html_answer",
    "huge_answer",
]
