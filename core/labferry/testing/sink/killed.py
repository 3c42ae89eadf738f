"""Cases about processes that are killed in the middle."""
# ruff: noqa: S101 - assert is how pytest checks

from labferry.testing.samples.archive import SampleArchive
from labferry.testing.samples.attempts import Attempt
from labferry.testing.samples.documents import FileCheckpoint, SampleManifest
from labferry.testing.sink.base import ContractBase

__all__ = ["KilledCases"]


class KilledCases(ContractBase):
    """Wherever the process is killed, nothing is half-visible and the next store completes."""

    def test_killed_while_reading(self) -> None:
        """Before anything is read, in the middle, and before the withheld end."""
        size = self.interrupted_size
        limits = [0, 1, size // 3, 2 * size // 3, size - 1]
        attempts = [
            self.killed_store(str(number), size=size, read_limit=limit)
            for number, limit in enumerate(limits)
        ]
        outcomes = self.attempt(*attempts)
        archives = [self._again(each) for each in attempts]
        for archive, outcome in zip(archives, outcomes, strict=True):
            if outcome.killed:  # else it had read all of it at once
                self.assert_unpublished(archive)
        self._store_again(archives)

    def test_killed_while_publishing(self) -> None:
        """At every call that may do I/O once the archive is verified, or evenly spread ones."""
        shares = [None, *self._shares()]
        attempts = [
            self.killed_store(str(number), size=self.sample_size, share=share)
            for number, share in enumerate(shares)
        ]
        self.attempt(*attempts)
        archives = [self._again(each) for each in attempts]
        for archive in archives:
            self._assert_whole_or_unpublished(archive)
        self._store_again(archives)

    def test_killed_while_deleting(self) -> None:
        """The manifest goes first: what is still listed can still be read."""
        if not self.sink_class.traits.can_delete:
            return  # the cases about deleting show that it refuses
        archives = [self.archive(str(number)) for number in range(self.kill_points + 1)]
        for archive in archives:
            self.store(archive)
        self.attempt(
            *(
                Attempt("delete", archive.id.rpartition("-")[2], archive.size, "", share=share)
                for archive, share in zip(archives, [None, *self._shares()], strict=True)
            )
        )
        for archive in archives:
            self._assert_whole_or_unpublished(archive)

    def _shares(self) -> list[float]:
        return [number / self.kill_points for number in range(self.kill_points)]

    def _again(self, attempt: Attempt) -> SampleArchive:
        return attempt.archive(md5=self.sink_class.traits.needs_md5)

    def _assert_whole_or_unpublished(self, archive: SampleArchive) -> None:
        names = self.raw.names()
        if SampleManifest(archive).key in names and archive.key in self.listed():
            self.assert_committed(archive)
        elif self.publishes_atomically:
            assert SampleManifest(archive).key not in names, "A manifest that commits nothing."
            if archive.key in names:
                whole = archive.content.read(0, archive.size)
                assert self.raw.read(archive.key) == whole, f"{archive.key} is half there."

    def _store_again(self, archives: list[SampleArchive]) -> None:
        for archive in archives:
            note = FileCheckpoint(self._notes / f"{archive.id.rpartition('-')[2]}.json")
            self.store(archive, note)
            self.assert_committed(archive)
        self.assert_only(*archives)
