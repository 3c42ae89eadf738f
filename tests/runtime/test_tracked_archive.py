"""What a sink is given: its readers are watched, and held to the destination's pace."""

import pytest

from labferry.runtime.progress import TrackedArchive
from labferry.sdk import Pacer, TransientError
from labferry.testing.samples import Content, SampleArchive


def _ignore(_: int) -> None:
    pass


def test_an_archive_whose_reader_failed_has_no_digests() -> None:
    """Whatever the archive says by then: who swallowed the error holds part of two downloads."""
    archive = SampleArchive(Content(1000), arrived=500)
    tracked = TrackedArchive(archive, _ignore)
    reader = tracked.open()
    assert len(reader.read(500)) == 500
    archive.restart()
    archive.verify()
    with pytest.raises(TransientError, match="began anew"):
        reader.read(100)
    assert archive.is_waited_for() is False
    with pytest.raises(TransientError, match="began anew"):
        tracked.digests()
    with pytest.raises(TransientError, match="began anew"):
        tracked.require_unbroken()
    assert TrackedArchive(SampleArchive(Content(1000)), _ignore).digests().sha256


def test_all_readers_together_keep_to_the_pace() -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    pacer = Pacer(1000, clock=lambda: now, sleep=sleep)
    tracked = TrackedArchive(SampleArchive(Content(10_000)), _ignore, pacer)
    with tracked.open() as one, tracked.open(5000) as other:
        for _ in range(10):
            one.read(500)
            other.readinto(bytearray(500))
    assert 8.5 <= now <= 10
