"""Bringing an archive into the spool: what the source answers and what the lifecycle is told."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labferry.lifecycle import ExportJob, Phase
from labferry.lifecycle.events import (
    Corrupted,
    Downloaded,
    Downloading,
    Event,
    Gone,
    Unreachable,
)
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Digests,
    Download,
    InvalidAnswerError,
    LabferryError,
    NotFoundError,
    Offer,
    RefusedError,
    StoppedError,
    TransientError,
)
from labferry.spool import Declared, SpoolArchive
from labferry.sync.context import RunContext
from labferry.sync.download import Fetch

TEXT = b"From the ashes a fire shall be woken"
Fetched = Callable[..., Event]
Notebook = Any  # the source of conftest.py, which answers what it is told

LINK = "https://eln/9.zip"


@pytest.fixture
def archive(context: RunContext) -> Iterator[SpoolArchive]:
    declared = Declared("a-9", "chem", "chem/a-9.zip", len(TEXT), zlib.crc32(TEXT))
    archive = context.spool.open(declared, md5=False)
    yield archive
    archive.close()


@pytest.fixture
def noted() -> list[Downloading]:
    return []


@pytest.fixture
def fetched(chem: Notebook, archive: SpoolArchive, noted: list[Downloading]) -> Fetched:
    """Fetch the archive as the source answers, with a validator known from before."""

    def _fetched(*, validator: str | None = None, stop: Stop | None = None) -> Event:
        offer = Offer(LINK, len(TEXT), zlib.crc32(TEXT))
        job = ExportJob(phase=Phase.COMPLETED, offer=offer, validator=validator)
        return Fetch(chem, "alice@eln", noted.append, _accept, lambda _: (stop or Stop()).check())(
            job, archive
        )

    return _fetched


def _accept(archive: SpoolArchive, digests: Digests) -> Event:
    archive.accept(digests)
    return Downloaded(digests)


def sends(content: bytes, *, offset: int = 0, total: int | None = len(TEXT)) -> Download:
    chunks = iter([content[:10], content[10:20], content[20:]])
    return Download(offset, total, '"tag"', chunks)


def breaks_after(content: bytes) -> Download:
    def _chunks() -> Iterator[bytes]:
        yield content
        raise TransientError("The connection broke.", retry_after=4.0)

    return Download(0, len(TEXT), None, _chunks())


def test_whole_archive_is_downloaded_and_verified(
    chem: Notebook,
    archive: SpoolArchive,
    fetched: Fetched,
    noted: list[Downloading],
) -> None:
    chem.answer = sends(TEXT)
    assert fetched() == Downloaded(archive.digests())
    assert (chem.asked, noted) == ([(0, None)], [Downloading('"tag"')])


def test_what_is_here_is_not_asked_for_again(
    chem: Notebook,
    archive: SpoolArchive,
    fetched: Fetched,
    noted: list[Downloading],
) -> None:
    archive.write(0, TEXT[:15])
    chem.answer = sends(TEXT[15:], offset=15)
    assert isinstance(fetched(validator='"tag"'), Downloaded)
    assert (chem.asked, noted) == ([(15, '"tag"')], [])


def test_source_that_begins_anew_is_compared(
    chem: Notebook,
    archive: SpoolArchive,
    fetched: Fetched,
) -> None:
    archive.write(0, TEXT[:15])
    chem.answer = sends(TEXT)
    assert isinstance(fetched(), Downloaded)


def test_complete_archive_needs_no_download(
    chem: Notebook,
    archive: SpoolArchive,
    fetched: Fetched,
) -> None:
    archive.write(0, TEXT)
    assert isinstance(fetched(), Downloaded)
    assert chem.asked == []


def test_another_file_than_before_is_corrupted_and_begun_anew(
    chem: Notebook,
    archive: SpoolArchive,
    fetched: Fetched,
) -> None:
    archive.write(0, TEXT[:15])
    chem.answer = sends(TEXT.swapcase())
    assert fetched() == Corrupted("The file at the server has changed since.")
    assert archive.received == 0


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (sends(TEXT + b"!", total=None), "The server sends more than the 36 bytes"),
        (sends(TEXT.swapcase()), "The bytes that came have CRC-32"),
        (sends(TEXT, total=99), "The server offers a file of 99 bytes"),
        (sends(TEXT[20:], offset=20), "The server sends what begins at byte 20"),
    ],
    ids=["long", "other", "other-size", "gap"],
)
def test_what_was_not_declared_is_corrupted(
    answer: Download,
    reason: str,
    chem: Notebook,
    archive: SpoolArchive,
    fetched: Fetched,
) -> None:
    chem.answer = answer
    event = fetched()
    assert isinstance(event, Corrupted)
    assert event.reason.startswith(reason)
    assert archive.received == 0


def test_broken_connection_keeps_what_came(
    chem: Notebook,
    archive: SpoolArchive,
    fetched: Fetched,
) -> None:
    chem.answer = breaks_after(TEXT[:20])
    assert fetched() == Unreachable("The connection broke.", 4.0, progressed=True)
    assert archive.received == 20


def test_answer_that_ends_early_keeps_what_came(
    chem: Notebook,
    archive: SpoolArchive,
    fetched: Fetched,
) -> None:
    chem.answer = sends(TEXT[:-1], total=None)
    reason = "The answer ended after 35 of 36 bytes."
    assert fetched() == Unreachable(reason, progressed=True)
    assert archive.received == 35


def test_broken_connection_before_anything_new_is_no_progress(
    chem: Notebook,
    archive: SpoolArchive,
    fetched: Fetched,
) -> None:
    archive.write(0, TEXT[:20])
    chem.answer = breaks_after(TEXT[:20])
    assert fetched() == Unreachable("The connection broke.", 4.0, progressed=False)


@pytest.mark.parametrize(
    "error",
    [NotFoundError("404"), RefusedError("403"), InvalidAnswerError("A web page.")],
    ids=lambda error: type(error).__name__,
)
def test_archive_that_is_not_there_is_gone(
    error: LabferryError,
    chem: Notebook,
    fetched: Fetched,
) -> None:
    chem.answer = error
    assert fetched() == Gone(error.message)


def test_download_stops_between_two_chunks(
    chem: Notebook,
    archive: SpoolArchive,
    fetched: Fetched,
) -> None:
    stop = Stop()
    stop.request(15)
    chem.answer = sends(TEXT)
    with pytest.raises(StoppedError):
        fetched(stop=stop)
    assert archive.received == 0
    assert not archive.is_refused
