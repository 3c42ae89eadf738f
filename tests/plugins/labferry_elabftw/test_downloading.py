import hashlib

import pytest
from tests.servers.elabftw import (
    Answer,
    Fault,
    Redirect,
    Reset,
    SimulatedElabftw,
    Truncate,
    html_answer,
)

from labferry.sdk import InvalidAnswerError, NotFoundError, RefusedError, TransientError
from labferry_elabftw import ElabftwSource

from .conftest import Finish


def fetch(source: ElabftwSource, link: str) -> bytes:
    with source.download(link, source.lanes()[0]) as download:
        assert (download.offset, download.validator) == (0, None)
        return b"".join(download.chunks)


@pytest.fixture
def link(source: ElabftwSource, finish: Finish) -> str:
    offer = finish(source).offer
    assert offer is not None
    return offer.link or ""


def test_the_file_is_the_one_that_was_declared(source: ElabftwSource, finish: Finish) -> None:
    offer = finish(source).offer
    assert offer is not None
    data = fetch(source, offer.link or "")
    assert (len(data), hashlib.sha256(data).hexdigest()) == (offer.size, offer.sha256)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (html_answer(200), TransientError),
        (Answer(200, b"  <!DOCTYPE html><p>", "application/octet-stream"), TransientError),
        (Answer(200, b"\x89PNG\r\n\x1a\n....", "application/zip"), NotFoundError),
        (Answer(200, b"GIF89a", "image/gif"), NotFoundError),
        (Answer(500), TransientError),
        (html_answer(503), TransientError),
        (html_answer(404), TransientError),
        (Answer(404, b'{"code": 404, "message": "no"}', "application/json"), NotFoundError),
        (Answer(401, b"{}", "application/json"), RefusedError),
        (Redirect("https://elsewhere.example.edu/"), InvalidAnswerError),
        (Reset(), TransientError),
        (Truncate(100), TransientError),
    ],
)
def test_what_is_no_archive_is_never_taken_for_one(
    server: SimulatedElabftw,
    source: ElabftwSource,
    link: str,
    act: Answer,
    error: type[Exception],
) -> None:
    server.faults.add(Fault("download", act))
    with pytest.raises(error):
        fetch(source, link)


def test_a_file_that_the_server_lost_is_not_there(
    server: SimulatedElabftw, source: ElabftwSource, finish: Finish
) -> None:
    server.options.outcome = "file lost"
    offer = finish(source).offer
    assert offer is not None
    with pytest.raises(NotFoundError, match="a picture"):
        fetch(source, offer.link or "")


def test_a_stream_that_ends_early_in_good_order_is_for_size_and_hash_to_find(
    server: SimulatedElabftw, source: ElabftwSource, link: str
) -> None:
    server.faults.add(Fault("download", Truncate(100, honest=True)))
    assert len(fetch(source, link)) == 100


@pytest.mark.parametrize(
    "foreign", ["https://elsewhere.example.edu/api/v2/exports/31", "/etc/passwd", ""]
)
def test_the_key_goes_to_the_configured_server_only(
    server: SimulatedElabftw, source: ElabftwSource, link: str, foreign: str
) -> None:
    if "31" in foreign:
        assert fetch(source, foreign) == fetch(source, link)
    else:
        with pytest.raises(InvalidAnswerError):
            fetch(source, foreign)
