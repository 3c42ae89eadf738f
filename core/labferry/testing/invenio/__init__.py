"""A simulated InvenioRDM or Zenodo, for tests.

It does what the real servers do on ``/api/records``, their traps included::

    with SimulatedInvenio(InvenioOptions(zenodo=True)) as server:
        server.faults.add(Fault("publish", html_answer(504, after_effect=True)))
        ...  # speak to server.url with server.token
        assert not server.faults.unfired()
        assert [record.doi for record in server.records.values()]
"""

from labferry.testing.http.acts import Answer, Redirect, Reset, Stall, html_answer, huge_answer
from labferry.testing.http.damage import BitFlip, ExtraBytes, IgnoreRange, Slow, Truncate
from labferry.testing.invenio.faults import (
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
from labferry.testing.invenio.messages import Problem
from labferry.testing.invenio.options import InvenioOptions, RateLimit
from labferry.testing.invenio.person import Person
from labferry.testing.invenio.requestlog import RecordedRequest
from labferry.testing.invenio.server import SimulatedInvenio
from labferry.testing.invenio.views import StoredFile, StoredRecord

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
