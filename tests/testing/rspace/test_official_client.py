"""The client from PyPI starts, watches and downloads exports from the simulated server."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from rspace_client.eln.eln import ELNClient
from rspace_client.exceptions import AuthenticationError
from tests.paths import REAL_EXPORTS

from labferry.testing.rspace import (
    ALICE_KEY,
    SYSADMIN_KEY,
    Fault,
    JobEnds,
    Options,
    Outcome,
)

from .caller import Caller, unzip
from .conftest import Open


@pytest.fixture
def client(caller: Caller) -> Iterator[ELNClient]:
    with ELNClient(caller.server.url, ALICE_KEY) as client:
        yield client


def test_it_exports_a_user_s_work(caller: Caller, client: ELNClient, tmp_path: Path) -> None:
    log = tmp_path / "progress"
    path = client.export_and_download(
        "xml", "user", str(tmp_path), wait_between_requests=0.01, progress_log=str(log)
    )
    (export,) = caller.server.exports
    assert Path(path).name == export.file
    assert zlib.crc32(Path(path).read_bytes()) == export.crc32
    assert "COMPLETED" in log.read_text()


def test_it_exports_a_selection(caller: Caller, client: ELNClient, tmp_path: Path) -> None:
    target = tmp_path / "selection.zip"
    client.download_export_selection(
        "html", str(target), [202, 203], include_revision_history=True, wait_between_requests=0.01
    )
    (export,) = caller.server.exports
    assert target.read_bytes() == export.content()
    assert "doc_Titrationofaceticacid-202-rev3/doc_Titrationofaceticacid-202-rev3.html" in unzip(
        target.read_bytes()
    )


def test_trap_13_it_exports_a_real_archive_by_presigned_link_and_leaks_its_key(
    open_caller: Open, tmp_path: Path
) -> None:
    real = REAL_EXPORTS / "v22.zip"
    caller = open_caller(Options(archives=[real], presigned=True))
    with ELNClient(caller.server.url, ALICE_KEY) as client:
        target = tmp_path / "user.zip"
        client.export_and_download("xml", "user", str(target), wait_between_requests=0.01)
    assert target.read_bytes() == caller.server.exports[0].content()
    # Trap: this client sends its key to S3.
    assert caller.server.leaks()


def test_trap_13_it_crashes_on_failed(caller: Caller, client: ELNClient, tmp_path: Path) -> None:
    caller.server.faults.add(Fault("job", JobEnds(Outcome.FAILED)))
    with pytest.raises(TypeError):
        client.export_and_download("xml", "user", str(tmp_path), wait_between_requests=0.01)


def test_it_reads_status_documents_and_users(caller: Caller, client: ELNClient) -> None:
    assert client.get_status()["message"] == "OK"
    assert client.get_documents()["totalHits"] == 5
    with ELNClient(caller.server.url, SYSADMIN_KEY) as admin:
        assert admin.get_users(tempaccount_only=False)["totalHits"] == 7
    with (
        ELNClient(caller.server.url, "unknownUnknownUnk") as nobody,
        pytest.raises(AuthenticationError),
    ):
        nobody.get_status()
