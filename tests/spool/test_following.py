"""Readers follow the growing file, and the end is withheld until the archive is verified."""

import os
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

import pytest

from labferry.sdk import IntegrityError, LabferryError, StateError, StoppedError, TransientError
from labferry.spool import SpoolArchive

Make = Callable[..., SpoolArchive]
Beside = Callable[..., Future[Any]]

TEXT = b"All that is gold does not glitter"
REFUSALS = [
    IntegrityError("Its checksum is wrong."),
    TransientError("The server went away."),
    StoppedError(15),
]


def is_waiting(future: Future[Any]) -> bool:
    return bool(wait([future], timeout=0.02).not_done)


def read_all(archive: SpoolArchive, *, at_a_time: int = -1, offset: int = 0) -> bytes:
    with archive.open(offset) as reader:
        return b"".join(iter(lambda: reader.read(at_a_time), b""))


@pytest.mark.parametrize("here", [0, 1, 10, len(TEXT) - 1])
def test_reader_gives_out_what_is_here(here: int, make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT[:here])
    with archive.open() as reader:
        assert reader.read(here) == TEXT[:here]
        assert reader.tell() == here


def test_last_byte_is_withheld_until_the_verdict(make: Make, beside: Beside) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT)
    with archive.open() as reader:
        assert reader.read(len(TEXT) - 1) == TEXT[:-1]
        last = beside(reader.read, 1)
        assert is_waiting(last)
        archive.verify()
        assert last.result() == TEXT[-1:]


def test_end_is_withheld_from_a_reader_that_has_every_byte(make: Make, beside: Beside) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT)
    with archive.open(len(TEXT)) as reader:
        end = beside(reader.read)
        assert is_waiting(end)
        archive.verify()
        assert end.result() == b""


def test_empty_archive_ends_only_after_the_verdict(make: Make, beside: Beside) -> None:
    archive = make(b"")
    with archive.open() as reader:
        end = beside(reader.read, 100)
        assert is_waiting(end)
        archive.verify()
        assert end.result() == b""


def test_archive_of_one_byte_is_withheld_whole(make: Make, beside: Beside) -> None:
    archive = make(b"x")
    archive.write(0, b"x")
    everything = beside(read_all, archive)
    assert is_waiting(everything)
    archive.verify()
    assert everything.result() == b"x"


def test_read_waits_until_it_has_exactly_as_many_bytes(make: Make, beside: Beside) -> None:
    archive = make(TEXT)
    with archive.open() as reader:
        asked = beside(reader.read, 20)
        for offset in (0, 7, 14):
            assert is_waiting(asked)
            archive.write(offset, TEXT[offset : offset + 7])
        assert asked.result() == TEXT[:20]


@pytest.mark.parametrize("size", [-1, len(TEXT), len(TEXT) + 1, 10**9])
def test_read_of_as_much_or_more_gives_everything(size: int, make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT)
    archive.verify()
    with archive.open() as reader:
        assert reader.read(size) == TEXT
        assert reader.read(size) == b""


def test_reading_nothing_does_not_wait(make: Make) -> None:
    with make(TEXT).open() as reader:
        assert reader.read(0) == b""
        assert reader.readinto(bytearray()) == 0


@pytest.mark.parametrize("kind", [bytearray, lambda size: memoryview(bytearray(size))])
def test_readinto_fills_the_buffer_and_at_the_end_a_part(
    kind: Callable[[int], bytearray | memoryview], make: Make
) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT)
    archive.verify()
    buffer = kind(20)
    with archive.open() as reader:
        assert (reader.readinto(buffer), bytes(buffer)) == (20, TEXT[:20])
        assert (reader.readinto(buffer), bytes(buffer[:13])) == (13, TEXT[20:])
        assert reader.readinto(buffer) == 0


@pytest.mark.parametrize("offset", [0, 1, 20, len(TEXT) - 1, len(TEXT), len(TEXT) + 5])
def test_reader_begins_at_its_offset(offset: int, make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT)
    archive.verify()
    assert read_all(archive, offset=offset) == TEXT[offset:]
    assert read_all(archive, at_a_time=4, offset=offset) == TEXT[offset:]


def test_readers_do_not_disturb_each_other(make: Make, beside: Beside) -> None:
    archive = make(TEXT)
    readers = [beside(read_all, archive, at_a_time=size) for size in (1, 3, 10, -1)]
    with archive.open() as slow:
        for offset in range(len(TEXT)):
            archive.write(offset, TEXT[offset : offset + 1])
        archive.verify()
        assert [reader.result() for reader in readers] == [TEXT] * 4
        assert slow.read() == TEXT


def test_reader_outlives_the_file_and_the_archive(make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT)
    archive.verify()
    with archive.open() as reader:
        archive.path.unlink()
        archive.close()
        assert reader.read() == TEXT


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda error: type(error).__name__)
def test_refusal_is_raised_in_readers_that_wait(
    refusal: LabferryError, make: Make, beside: Beside
) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT[:10])
    waiting = [beside(read_all, archive), beside(archive.digests)]
    assert all(is_waiting(each) for each in waiting)
    archive.refuse(refusal)
    for each in waiting:
        assert each.exception() is refusal
    assert archive.is_refused


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda error: type(error).__name__)
def test_refusal_is_raised_in_whoever_comes_later(refusal: LabferryError, make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT)
    archive.refuse(refusal)
    with archive.open() as reader, pytest.raises(type(refusal)):
        reader.read(1)
    with pytest.raises(type(refusal)):
        archive.digests()


def test_refusal_reaches_readers_of_a_verified_archive(make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT)
    archive.verify()
    with archive.open() as reader:
        assert reader.read(5) == TEXT[:5]
        archive.refuse(StoppedError(15))
        with pytest.raises(StoppedError):
            reader.read(1)


def test_digests_wait_for_the_verdict(make: Make, beside: Beside) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT)
    digests = beside(archive.digests)
    assert is_waiting(digests)
    verified = archive.verify()
    assert digests.result() == verified


def test_restart_is_raised_in_readers_that_have_bytes(make: Make, beside: Beside) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT[:10])
    with archive.open() as reader:
        assert reader.read(5) == TEXT[:5]
        digests = beside(archive.digests)
        assert is_waiting(digests)
        archive.restart()
        archive.write(0, TEXT)
        archive.verify()
        with pytest.raises(TransientError, match="began anew"):
            reader.read(5)
        assert isinstance(digests.exception(), TransientError)


def test_reader_opened_after_a_restart_reads_the_new_bytes(make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT[:10])
    archive.restart()
    archive.write(0, TEXT)
    archive.verify()
    assert read_all(archive) == TEXT


def test_restart_between_permission_and_read_is_no_end_of_file(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT[:10])
    permit = archive.wait_beyond

    def late(offset: int, generation: int) -> int:
        readable = permit(offset, generation)
        archive.restart()
        return readable

    monkeypatch.setattr(archive, "wait_beyond", late)
    with archive.open() as reader, pytest.raises(TransientError, match="began anew"):
        reader.read(10)


def test_file_cut_short_by_something_else_is_no_end_of_file(make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT)
    archive.verify()
    os.truncate(archive.path, 10)
    with archive.open() as reader, pytest.raises(StateError, match="cut short"):
        reader.read()


def test_file_that_is_gone_cannot_be_opened(make: Make) -> None:
    archive = make(TEXT)
    archive.path.unlink()
    with pytest.raises(StateError, match=r"23\.spool is not there: No such file"):
        archive.open()


def test_closing_a_reader_twice_is_no_error(make: Make) -> None:
    reader = make(TEXT).open()
    reader.close()
    reader.close()


@pytest.mark.parametrize("here", [0, 1, 10, len(TEXT) - 1, len(TEXT)])
def test_read_of_more_than_is_here_waits_and_gives_all_of_it(
    here: int, make: Make, beside: Beside
) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT[:here])
    with archive.open() as reader:
        found = beside(reader.read, len(TEXT))
        assert is_waiting(found)
        archive.write(here, TEXT[here:])
        archive.verify()
        assert found.result() == TEXT
        assert reader.tell() == len(TEXT)
