"""Cases about what is at a destination and is no committed archive, and about quick looks."""
# ruff: noqa: S101 - assert is how pytest checks

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from labferry.sdk.errors import IntegrityError, LabferryError
from labferry.sdk.keys import MARKER_KEY
from labferry.sdk.sink import Checked, Stray, StrayKind
from labferry.testing.samples.documents import SampleManifest
from labferry.testing.sink.reading import ReadingCases, hostile_keys

__all__ = ["StrayCases"]

_DAY = timedelta(days=1)
_ONE = "sample/2026/20260102T030405Z-sample-9.zip"
"""What somebody may have begun to store; here nobody has."""


class StrayCases(ReadingCases):
    """Leftovers are listed as what they are, and nothing else is ever removed."""

    def strays(self) -> list[Stray]:
        """What a new sink tells."""
        with self.sink() as sink:
            return list(sink.strays())

    def remove(self, *strays: Stray) -> None:
        """Remove with one new sink."""
        with self.sink() as sink:
            for stray in strays:
                sink.remove_stray(stray)

    def test_committed_archives_are_no_strays(self) -> None:
        """Neither they nor their manifests."""
        assert self.strays() == []
        for archive in (self.archive("1"), self.archive("2", size=0)):
            self.store(archive)
        assert self.strays() == []

    def test_what_a_killed_store_left_is_told_and_can_be_removed(self) -> None:
        """Also where its note is lost, so that no store will ever go on with it."""
        committed, size = self.archive("1"), self.interrupted_size
        self.store(committed)
        self.attempt(self.killed_store("2", size=size, read_limit=2 * size // 3))
        left = len(self.raw.names()) - 2
        strays = self.strays()
        assert len(strays) == left, f"There are {left} leftovers; listed were {strays}."
        assert all(each.kind is StrayKind.UNFINISHED for each in strays), strays
        self._assert_times_are_right(strays)
        self.remove(*strays)
        self.assert_only(committed)
        assert self.strays() == []
        self.assert_committed(committed)

    def test_removing_a_stray_again_is_no_error(self) -> None:
        """What is gone already is gone."""
        size = self.interrupted_size
        self.attempt(self.killed_store("1", size=size, read_limit=2 * size // 3))
        strays = self.strays()
        self.remove(*strays)
        self.remove(*strays)
        assert self.raw.names() == {}

    def test_marker_stays_as_it_is_and_is_no_stray(self) -> None:
        """The first one counts, and no verb takes it for anything else."""
        archive = self.archive("1")
        self.store(archive)
        with self.sink() as sink:
            assert sink.read_marker() is None
            sink.write_marker(b"first")
            sink.write_marker(b"second")
        with self.sink() as sink:
            has_marker = self.sink_class.traits.has_marker
            assert sink.read_marker() == (b"first" if has_marker else None)
        assert (MARKER_KEY in self.raw.names()) == has_marker
        assert set(self.listed()) == {archive.key}
        assert self.strays() == []

    def test_strays_are_told_apart(self) -> None:
        """An archive or a manifest alone, and what is not labferry's."""
        self.store(self.archive("1"))
        assert {each.key: each.kind for each in self.strays()} == {}
        expected = self._plant()
        assert {each.key: each.kind for each in self.strays()} == expected

    def test_only_what_is_unfinished_can_be_removed(self) -> None:
        """Whatever else is asked for, nothing happens."""
        archive = self.archive("1")
        self.store(archive)
        planted = self._plant()
        before = self.raw.names()
        keys = [archive.key, SampleManifest(archive).key, *planted]
        hostile = hostile_keys("README")
        made_up = [Stray(StrayKind.UNFINISHED, key) for key in (*keys, *hostile)]
        made_up += [Stray(StrayKind.UNFINISHED, _ONE, token=key) for key in (*keys, *hostile)]
        with self.sink() as sink:
            for stray in (*sink.strays(), *made_up):
                with suppress(LabferryError):
                    sink.remove_stray(stray)
        assert self.raw.names() == before

    def test_quick_check_finds_a_whole_copy_fine(self) -> None:
        """And does not claim to have read it."""
        archive = self.archive()
        self.store(archive)
        stored = self.listed()[archive.key]
        with self.sink() as sink:
            assert sink.quick_check(stored) in {Checked.SIZE, Checked.STORE_CHECKSUM}

    def test_quick_check_finds_a_copy_that_was_cut_short(self) -> None:
        """Its size is not the one in its manifest."""
        archive = self.archive()
        self.store(archive)
        self.raw.write(archive.key, archive.content.read(0, 1000))
        stored = self.listed().get(archive.key)
        if stored is not None:
            with self.sink() as sink, pytest.raises(IntegrityError):
                sink.quick_check(stored)

    def test_nothing_holds_an_ordinary_archive(self) -> None:
        """Retention may remove it, unless the storage keeps everything for ever."""
        archive = self.archive()
        self.store(archive)
        stored = self.listed()[archive.key]
        with self.sink() as sink:
            assert isinstance(sink.hold(stored), str)
            assert not (self.sink_class.traits.can_delete and sink.hold(stored))

    def _plant(self) -> dict[str, StrayKind]:
        """Things that are no committed archives, and what they are."""
        alone, widow = self.archive("2"), SampleManifest(self.archive("3"))
        self.raw.write(alone.key, alone.content.read(0, alone.size))
        self.raw.write(widow.key, widow.seal())
        foreign = ("README", "sample/2026/notes.txt")
        for name in foreign:
            self.raw.write(name, b"not ours")
        return {
            alone.key: StrayKind.ARCHIVE,
            widow.key: StrayKind.MANIFEST,
            **dict.fromkeys(foreign, StrayKind.FOREIGN),
        }

    def _assert_times_are_right(self, strays: list[Stray]) -> None:
        for stray in strays:
            if stray.since is not None:
                assert abs(datetime.now(UTC) - stray.since) < _DAY, stray
