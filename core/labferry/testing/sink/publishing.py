"""Cases about when something becomes visible, and about archives that fail on their way."""
# ruff: noqa: S101 - assert is how pytest checks

import signal
from functools import partial

import pytest

from labferry.sdk.errors import IntegrityError, LabferryError, StoppedError, TransientError
from labferry.sdk.sink import Checked
from labferry.testing.samples.archive import SampleArchive
from labferry.testing.samples.documents import MemoryCheckpoint, SampleManifest
from labferry.testing.sink.base import Background, ContractBase

__all__ = ["PublishingCases"]

_SMALL = 100_000
"""Bytes. Of a larger file something was written for good, whatever is still in a buffer."""

_FAILURES = [
    pytest.param(TransientError("The download was given up."), id="transient"),
    pytest.param(StoppedError(signal.SIGTERM), id="stopped"),
    pytest.param(RuntimeError("A bug."), id="bug"),
    pytest.param(KeyboardInterrupt(), id="interrupt"),
]


class PublishingCases(ContractBase):
    """Nothing is visible before the archive is verified, nothing is left if it never is."""

    @pytest.mark.parametrize("arrived_share", [0.0, 0.5, 1.0])
    def test_nothing_is_visible_while_the_archive_arrives(self, arrived_share: float) -> None:
        """Not even when all has arrived and only the last byte is withheld."""
        archive = self.archive(size=self.interrupted_size, arrived=0)
        store = Background(partial(self.store, archive))
        archive.arrive(int(arrived_share * archive.size))
        store.wait_for_reader(archive)
        try:
            assert not store.ended, "The store ended before the archive was verified."
            self.assert_unpublished(archive)
        finally:
            archive.verify()
        store.result()
        self.assert_committed(archive)

    @pytest.mark.parametrize("arrived_share", [0.0, 0.5, 1.0])
    def test_refused_archive_leaves_nothing(self, arrived_share: float) -> None:
        """The refusal is passed on, and what was written of the archive is gone."""
        archive = self.archive(size=self.interrupted_size, arrived=0)
        store = Background(partial(self.store, archive))
        archive.arrive(int(arrived_share * archive.size))
        store.wait_for_reader(archive)
        archive.refuse()
        with pytest.raises(IntegrityError):
            store.result()
        self.assert_unpublished(archive)
        assert self.raw.names() == {}

    def test_refused_empty_archive_leaves_nothing(self) -> None:
        """An archive of no bytes has no last one to withhold; its end is withheld instead."""
        archive = self.archive(size=0, arrived=0, error=IntegrityError("The checksum is wrong."))
        with pytest.raises(IntegrityError):
            self.store(archive)
        assert self.raw.names() == {}

    def test_refused_archive_leaves_nothing_of_an_earlier_call(self) -> None:
        """What was kept to be continued is gone once the archive will never come."""
        size, note = self.interrupted_size, MemoryCheckpoint()
        stopped = TransientError("The download stopped.")
        with pytest.raises(TransientError):
            self.store(self.archive(size=size, arrived=size // 2, error=stopped), note)
        refused = self.archive(size=size, arrived=0, error=IntegrityError("It will never come."))
        with pytest.raises(IntegrityError):
            self.store(refused, note)
        self.assert_unpublished(refused)
        assert self.raw.names() == {}

    @pytest.mark.parametrize("error", _FAILURES)
    def test_failing_read_is_passed_on_and_publishes_nothing(self, error: BaseException) -> None:
        """Whatever a reader raises comes out as it is; what was written is cleaned up."""
        size = self.interrupted_size
        archive = self.archive(size=size, arrived=size // 2, error=error)
        with pytest.raises(type(error)):
            self.store(archive)
        self.assert_unpublished(archive)
        if not self.resumes:
            assert self.raw.names() == {}

    def test_download_that_began_anew_is_not_published(self) -> None:
        """What was read before belongs to other bytes, however good the digests are afterwards."""
        archive = self.archive(size=self.interrupted_size, arrived=0)
        store = Background(partial(self.store, archive))
        archive.arrive(archive.size // 2)
        store.wait_for_reader(archive)
        archive.restart()
        archive.verify()
        with pytest.raises(TransientError):
            store.result()
        self.assert_unpublished(archive)
        again = self.archive(size=self.interrupted_size)
        self.store(again)
        self.assert_committed(again)

    def test_read_back_is_no_empty_claim(self) -> None:
        """What changed in the storage while the archive arrived is not called read back."""
        size = self.interrupted_size
        archive = self.archive(size=size, arrived=size)
        store = Background(partial(self.store, archive))
        store.wait_for_reader(archive)
        for name in [name for name, size in self.raw.names().items() if size > _SMALL]:
            content = bytearray(self.raw.read(name))
            content[_SMALL // 2] ^= 1
            self.raw.write(name, bytes(content))
        archive.verify()
        try:
            receipt = store.result()
        except LabferryError:
            self.assert_unpublished(archive)
            return
        if receipt.checked is Checked.READ_BACK and not self.reads_back_while_sending:
            self.assert_committed(archive)

    def test_manifest_that_cannot_be_sealed_is_not_published(self) -> None:
        """An archive without its manifest is not committed, and the error is passed on."""
        archive = self.archive()
        manifest = SampleManifest(archive)
        manifest.on_seal = _stop
        with self.sink() as sink, pytest.raises(StoppedError):
            sink.store(archive, manifest, MemoryCheckpoint())
        assert manifest.key not in self.raw.names()
        assert self.listed() == {}
        self.store(archive)
        self.assert_only(archive)

    def test_manifest_becomes_visible_last(self) -> None:
        """While it is being sealed it is not there."""
        archive = self.archive()
        assert SampleManifest(archive).key not in self._there_at_the_seal(archive)

    def test_archive_is_whole_before_its_manifest_is_sealed(self) -> None:
        """A kill in between must leave no manifest that vouches for part of an archive."""
        archive = self.archive()
        seen = self._there_at_the_seal(archive)
        if not self.commits_as_one:
            assert seen.get(archive.key) == archive.size, "The archive comes after its manifest."

    def _there_at_the_seal(self, archive: SampleArchive) -> dict[str, int]:
        """What the storage holds at the moment at which the manifest is sealed."""
        manifest = SampleManifest(archive)
        seen: list[dict[str, int]] = []
        manifest.on_seal = lambda: seen.append(self.raw.names())
        with self.sink() as sink:
            sink.store(archive, manifest, MemoryCheckpoint())
        assert seen, "The manifest was never sealed."
        return seen[0]


def _stop() -> None:
    raise StoppedError(signal.SIGTERM)
