"""The preflight: what it says, what it finds, and that it leaves nothing."""

import pytest
from tests.servers.invenio import BitFlip, Fault, FlipUpload, InvenioOptions, Rewrite

from labferry.sdk import (
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    RefusedError,
    Severity,
)
from labferry_zenodo import ZenodoSettings
from labferry_zenodo.preflight import _remarks

from .conftest import StartServer
from .storing import Storing
from .test_settings import settings


def told(storing: Storing) -> list[str]:
    with storing.sink() as sink:
        return [each.message for each in sink.check()]


def warnings(made: ZenodoSettings) -> str:
    return " ".join(each.message for each in _remarks(made) if each.severity is Severity.WARNING)


def test_trap_10_zenodo_is_for_research_outputs() -> None:
    assert "research outputs" in warnings(settings())
    assert warnings(settings(url="https://rdm.example.edu")) == ""


def test_publishing_and_plain_http_are_warned_about() -> None:
    assert "can't be undone" in warnings(settings(publish=True))
    assert "unencrypted" in warnings(settings(url="http://rdm.example.edu"))


def test_working_account_is_fine_and_left_empty(storing: Storing) -> None:
    assert any("read back" in message for message in told(storing))
    assert storing.account.names() == {}
    assert storing.asked("publish") == 0


def test_check_of_a_publishing_destination_publishes_nothing(publishing: Storing) -> None:
    told(publishing)
    assert publishing.asked("publish") == 0
    assert publishing.account.names() == {}


def test_restricted_records_are_told(storing: Storing) -> None:
    storing.changes["access"] = {"record": "restricted", "files": "restricted"}
    assert any("no DOI" in message for message in told(storing))


def test_access_that_is_not_given_is_found(storing: Storing) -> None:
    public = Rewrite(lambda document: document["access"].update(files="public"))
    storing.server.faults.add(Fault("read-draft", public))
    with pytest.raises(RefusedError, match="access"):
        told(storing)
    assert storing.account.names() == {}


def test_metadata_that_is_not_accepted_is_found(storing: Storing) -> None:
    wrong = [{"field": "metadata.funding", "messages": ["Unknown."]}]
    fault = Rewrite(lambda document: document.update(errors=wrong))
    storing.server.faults.add(Fault("create", fault))
    with pytest.raises(LabferryError, match=r"metadata\.funding"):
        told(storing)
    assert storing.account.names() == {}


@pytest.mark.parametrize(
    "fault", [Fault("upload", FlipUpload(3)), Fault("download-draft-file", BitFlip(3))]
)
def test_damaged_bytes_are_found(storing: Storing, fault: Fault) -> None:
    storing.server.faults.add(fault)
    with pytest.raises(IntegrityError):
        told(storing)
    assert storing.account.names() == {}


def test_server_of_another_kind_is_named(storing: Storing) -> None:
    storing.changes["url"] = f"{storing.server.url}/elsewhere"
    with pytest.raises(LabferryError):
        told(storing)


def test_zenodo_without_restricted_records_is_found(start_server: StartServer) -> None:
    storing = Storing(start_server(InvenioOptions(zenodo=True)))
    storing.changes["access"] = {"record": "restricted", "files": "restricted"}
    with pytest.raises(InvalidAnswerError, match="Restricted records are disabled"):
        told(storing)
