"""Cases about deleting, for retention."""
# ruff: noqa: S101 - assert is how pytest checks

from contextlib import suppress

import pytest

from labferry.sdk.errors import LabferryError, RefusedError
from labferry.sdk.sink import StoredArchive
from labferry.testing.samples.documents import SampleManifest
from labferry.testing.sink.reading import ReadingCases, hostile_keys

__all__ = ["DeletingCases"]


class DeletingCases(ReadingCases):
    """Archives go with their manifests, or stay where the storage keeps them for ever."""

    def delete(self, *stored: StoredArchive) -> None:
        """Delete with one new sink; one that says it can't must refuse."""
        with self.sink() as sink:
            for each in stored:
                if self.sink_class.traits.can_delete:
                    sink.delete(each)
                else:
                    with pytest.raises(RefusedError):
                        sink.delete(each)

    def test_delete_removes_the_archive_and_its_manifest(self) -> None:
        """Nothing is left of it; where deleting is denied, all of it is."""
        archive = self.archive()
        self.store(archive)
        self.delete(self.listed()[archive.key])
        if self.sink_class.traits.can_delete:
            assert self.raw.names() == {}
            assert self.listed() == {}
        else:
            self.assert_committed(archive)

    def test_delete_leaves_the_others(self) -> None:
        """Also those whose names begin alike."""
        archive = self.archive()
        others = [self.archive("2"), self.archive("3", key=f"{archive.key}.zip")]
        for each in (archive, *others):
            self.store(each)
        self.delete(self.listed()[archive.key])
        for other in others:
            self.assert_committed(other)

    def test_deleting_again_is_no_error(self) -> None:
        """What is gone already is gone, wherever the first attempt stopped."""
        archive = self.archive()
        self.store(archive)
        stored = self.listed()[archive.key]
        self.raw.remove(SampleManifest(archive).key)
        self.delete(stored, stored)
        if self.sink_class.traits.can_delete:
            assert self.raw.names() == {}
            self.delete(stored, self.stored("never/was.zip"))

    def test_deleted_archive_can_be_stored_again(self) -> None:
        """A key is free again after a delete."""
        archive = self.archive()
        self.store(archive)
        self.delete(self.listed()[archive.key])
        self.store(archive)
        self.assert_committed(archive)

    def test_hostile_key_is_not_deleted(self) -> None:
        """A key that leads out of the destination is not followed."""
        self.raw.write("victim.zip", b"0123456789")
        self.raw.write(SampleManifest(self.archive(key="victim.zip")).key, b"{}")
        before = self.raw.names()
        with self.sink() as sink:
            for key in hostile_keys("victim.zip"):
                with suppress(LabferryError):
                    sink.delete(self.stored(key))
        assert self.raw.names() == before
