"""Cases about storing again, and about what is there already."""
# ruff: noqa: S101 - assert is how pytest checks

import pytest

from labferry.sdk.errors import ConflictError, LabferryError, TransientError
from labferry.testing.samples.documents import MemoryCheckpoint, SampleManifest
from labferry.testing.sink.base import ContractBase

__all__ = ["RetryingCases"]


class RetryingCases(ContractBase):
    """Storing again completes the work; it never makes a second copy or touches another one."""

    def test_storing_again_makes_no_second_copy(self) -> None:
        """A delivered archive is delivered again with the same receipt, and once."""
        archive = self.archive()
        first = self.store(archive)
        assert self.store(self.archive()) == first
        self.assert_committed(archive)
        self.assert_only(archive)

    def test_committed_archive_is_not_sent_again(self) -> None:
        """What the destination has is not uploaded once more."""
        self.store(self.archive())
        again = self.archive()
        self.store(again)
        assert again.bytes_read < again.size

    def test_missing_manifest_is_added(self) -> None:
        """Killed between archive and manifest: the next store writes the manifest."""
        archive = self.archive()
        self.store(archive)
        self.raw.remove(SampleManifest(archive).key)
        self.store(archive)
        self.assert_committed(archive)
        self.assert_only(archive)

    def test_missing_archive_is_added(self) -> None:
        """A manifest alone proves nothing."""
        archive = self.archive()
        self.store(archive)
        self.raw.remove(archive.key)
        self.store(archive)
        self.assert_committed(archive)
        self.assert_only(archive)

    @pytest.mark.parametrize("arrived_share", [0.1, 0.5, 1.0])
    def test_store_after_a_failed_one_completes(self, arrived_share: float) -> None:
        """The same key, the same checkpoint, a new sink."""
        size, note = self.interrupted_size, MemoryCheckpoint()
        stopped = TransientError("The download stopped.")
        with pytest.raises(TransientError):
            self.store(
                self.archive(size=size, arrived=int(arrived_share * size), error=stopped), note
            )
        archive = self.archive(size=size)
        self.store(archive, note)
        self.assert_committed(archive)
        self.assert_only(archive)

    def test_store_after_a_failed_one_completes_on_the_same_sink(self) -> None:
        """A run retries with the instance that it has."""
        size, note = self.interrupted_size, MemoryCheckpoint()
        failing = self.archive(size=size, arrived=size // 2, error=TransientError("Stopped."))
        archive = self.archive(size=size)
        with self.sink() as sink:
            with pytest.raises(TransientError):
                sink.store(failing, SampleManifest(failing), note)
            sink.store(archive, SampleManifest(archive), note)
        self.assert_committed(archive)
        self.assert_only(archive)

    def test_lost_checkpoint_does_not_hinder(self) -> None:
        """The state folder may be lost; the destination is the truth."""
        size = self.interrupted_size
        failing = self.archive(size=size, arrived=size // 2, error=TransientError("Stopped."))
        with pytest.raises(TransientError):
            self.store(failing)
        archive = self.archive(size=size)
        self.store(archive)
        self.assert_committed(archive)

    def test_unknown_checkpoint_does_not_hinder(self) -> None:
        """A note that another version of the sink wrote is ignored."""
        archive = self.archive()
        self.store(archive, MemoryCheckpoint({"from": "another version", "parts": [1, None]}))
        self.assert_committed(archive)

    def test_interrupted_store_is_resumed(self) -> None:
        """A sink that says it resumes sends the second half only; others begin anew."""
        size, note = self.interrupted_size, MemoryCheckpoint()
        failing = self.archive(size=size, arrived=size // 2, error=TransientError("Stopped."))
        with pytest.raises(TransientError):
            self.store(failing, note)
        archive = self.archive(size=size)
        self.store(archive, note)
        self.assert_committed(archive)
        assert (archive.bytes_read < size) == self.resumes

    def test_another_archive_under_the_same_key_is_a_conflict(self) -> None:
        """Somebody else's archive stays as it is."""
        other = self.archive("2", key=self.archive().key)
        self.store(other)
        with pytest.raises(ConflictError):
            self.store(self.archive())
        self.assert_committed(other)
        self.assert_only(other)

    @pytest.mark.parametrize("shorter", [0, 1000])
    def test_unknown_file_under_the_same_key_is_not_overwritten(self, shorter: int) -> None:
        """What was not stored by labferry, or is not committed, is nobody's to destroy."""
        archive = self.archive()
        theirs = self.archive("2").content.read(0, archive.size - shorter)
        self.raw.write(archive.key, theirs)
        if self.publishes_atomically:
            with pytest.raises(ConflictError):
                self.store(archive)
            assert self.raw.read(archive.key) == theirs
        else:
            self.store(archive)
            self.assert_committed(archive)

    def test_damaged_copy_is_not_called_stored(self) -> None:
        """A copy that was cut short since is repaired, or reported."""
        archive = self.archive()
        self.store(archive)
        self.raw.write(archive.key, archive.content.read(0, archive.size // 2))
        try:
            self.store(archive)
        except LabferryError:
            return
        self.assert_committed(archive)
