"""What an earlier run left in the spool is hashed and used, whatever state it is in."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from labferry.sdk import IntegrityError
from labferry.spool import SpoolArchive

Make = Callable[..., SpoolArchive]

TEXT = b"Deep roots are not reached by the frost"
BIG = bytes(range(256)) * 10_000


@pytest.fixture
def leave(tmp_path: Path) -> Callable[[bytes], int]:
    """Leave a file as an earlier run would."""
    return (tmp_path / "23.spool").write_bytes


@pytest.mark.parametrize("here", [0, 1, 20, len(TEXT) - 1, len(TEXT)])
def test_partial_file_is_continued(here: int, leave: Callable[[bytes], int], make: Make) -> None:
    leave(TEXT[:here])
    archive = make(TEXT)
    assert archive.received == 0
    assert archive.resume() == archive.received == here
    assert archive.write(here, TEXT[here:])
    assert archive.verify().sha256 == hashlib.sha256(TEXT).hexdigest()


def test_complete_file_needs_no_download(leave: Callable[[bytes], int], make: Make) -> None:
    leave(BIG)
    archive = make(BIG)
    archive.resume()
    assert archive.verify().sha256 == hashlib.sha256(BIG).hexdigest()
    with archive.open(100) as reader:
        assert reader.read() == BIG[100:]


def test_file_that_is_too_long_is_begun_anew(leave: Callable[[bytes], int], make: Make) -> None:
    leave(TEXT + b"!")
    archive = make(TEXT)
    assert archive.resume() == 0
    assert archive.path.read_bytes() == b""
    archive.write(0, TEXT)
    archive.verify()


def test_complete_file_with_other_bytes_is_not_verified(
    leave: Callable[[bytes], int], make: Make
) -> None:
    leave(TEXT.swapcase())
    archive = make(TEXT)
    archive.resume()
    with pytest.raises(IntegrityError):
        archive.verify()


def test_partial_file_with_other_bytes_is_noticed_when_they_come_again(
    leave: Callable[[bytes], int], make: Make
) -> None:
    leave(TEXT[:10].swapcase())
    archive = make(TEXT)
    archive.resume()
    assert not archive.write(0, TEXT)


def test_nothing_there_is_begun(make: Make) -> None:
    assert make(TEXT).resume() == 0


def test_resuming_twice_hashes_once(leave: Callable[[bytes], int], make: Make) -> None:
    leave(TEXT)
    archive = make(TEXT)
    archive.resume()
    assert archive.resume() == len(TEXT)
    archive.verify()


def test_readers_follow_what_is_resumed(leave: Callable[[bytes], int], make: Make) -> None:
    leave(TEXT[:20])
    archive = make(TEXT)
    with archive.open() as reader:
        archive.resume()
        assert reader.read(20) == TEXT[:20]
