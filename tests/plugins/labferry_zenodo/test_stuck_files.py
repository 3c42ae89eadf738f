"""A file of our own draft that the server does not remove: said, and gone round."""

import logging

import pytest
from tests.servers.invenio import Fault, Reset

from labferry.sdk import RefusedError, TransientError
from labferry.testing.http.acts import Answer

from .conftest import StartServer
from .storing import Storing, sample


def _half_sent(storing: Storing) -> str:
    """Leave an entry without bytes; the address of its draft."""
    storing.server.faults.add(Fault("upload", Reset()))
    with pytest.raises(TransientError):
        storing.store()
    (record,) = storing.account.all()
    return f"{storing.server.url}/uploads/{record.id}"


def _attempts(storing: Storing) -> list[str]:
    """Store until it works, as the engine would; why it did not before."""
    said: list[str] = []
    while True:
        assert len(said) < 9, said
        try:
            storing.store()
        except TransientError as error:
            said.append(str(error))
        else:
            return said


@pytest.mark.parametrize("status", [403, 500])
def test_draft_is_discarded_and_another_one_begun(storing: Storing, status: int) -> None:
    where = _half_sent(storing)
    storing.server.faults.add(Fault("delete-file", Answer(status), times=None))
    said = _attempts(storing)
    assert len(said) == (1 if status == 403 else 3)
    assert all(where in each for each in said)
    assert said[-1].endswith("The draft is discarded; another one is begun.")
    storing.assert_whole(sample())


def test_draft_that_cannot_be_discarded_either_is_left_and_named(
    storing: Storing, caplog: pytest.LogCaptureFixture
) -> None:
    where = _half_sent(storing)
    storing.server.faults.add(Fault("delete-file", Answer(403), times=None))
    storing.server.faults.add(Fault("delete-draft", Answer(403), times=None))
    with caplog.at_level(logging.WARNING):
        (said,) = _attempts(storing)
    assert f"Discard that draft by hand: log in, open {where}" in said
    assert where in caplog.text
    assert len(storing.listed()) == 1
    storing.store()
    assert len(storing.account.all()) == 2, "no third one is made"


def test_draft_of_a_series_is_named(start_server: StartServer) -> None:
    storing = Storing(start_server(), series=True, publish=True)
    where = _half_sent(storing)
    storing.server.faults.add(Fault("delete-file", Answer(403)))
    storing.server.faults.add(Fault("delete-draft", Answer(403)))
    with pytest.raises(RefusedError, match="Discard that draft by hand") as caught:
        storing.store()
    assert where in str(caught.value)
    storing.store()
