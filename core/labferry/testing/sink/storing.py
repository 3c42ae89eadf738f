"""Cases about what is in the storage after a store."""
# ruff: noqa: S101 - assert is how pytest checks

from collections.abc import Iterable, Iterator

import pytest
from pydantic import BaseModel

from labferry.sdk.errors import TransientError
from labferry.sdk.keys import check_key
from labferry.sdk.manifest import MANIFEST_SUFFIX
from labferry.sdk.secrets import Secret
from labferry.sdk.sink import Checked
from labferry.testing.samples.archive import SampleArchive
from labferry.testing.samples.attempts import Attempt
from labferry.testing.samples.documents import MemoryCheckpoint, SampleManifest
from labferry.testing.sink.base import ContractBase

__all__ = ["StoringCases"]

_LONGEST = 255 - len(MANIFEST_SUFFIX)
_NAMES = [
    "no-folder.zip",
    "no-suffix",
    "many/folders/down/to/2026/here.zip",
    "dots/v1..2.-_.zip",
    "_underscore/_.zip",
    "temporary/looking.zip.part",
    "temporary/looking.tmp",
    "UPPER/CASE.ZIP",
    "device/NUL.zip",
    f"long/{'n' * (_LONGEST - 4)}.zip",
]


class StoringCases(ContractBase):
    """An archive is stored whole, once, with its manifest and nothing else."""

    def test_stored_archive_holds_the_same_bytes(self) -> None:
        """What is in the storage equals what was offered, the manifest equals the sealed one."""
        archive = self.archive()
        self.store(archive)
        self.assert_committed(archive)

    @pytest.mark.parametrize("size", [0, 1, 2, 65_536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
    def test_any_size_is_stored(self, size: int) -> None:
        """Nothing at all, and sizes around those of buffers."""
        archive = self.archive(size=size)
        assert self.store(archive).size == size
        self.assert_committed(archive)

    def test_nothing_else_is_left_in_the_storage(self) -> None:
        """No temporary, lock or marker stays behind."""
        archive = self.archive()
        self.store(archive)
        self.assert_only(archive)

    def test_receipt_tells_what_was_stored(self) -> None:
        """The receipt is for this destination and this archive."""
        archive = self.archive()
        receipt = self.store(archive)
        returned = (receipt.destination, receipt.archive_id, receipt.key, receipt.size)
        assert returned == ("scratch", archive.id, archive.key, archive.size)
        assert isinstance(receipt.checked, Checked)

    def test_receipt_shows_no_secret(self) -> None:
        """A receipt goes into the ledger and into messages."""
        settings = self.sink_class.Settings.model_validate(self._settings)
        returned = repr(self.store(self.archive()))
        assert [each for each in _secrets(settings) if each in returned] == []

    def test_getting_ready_ahead_changes_nothing(self) -> None:
        """A store works with `prepare` before it, however often, and in other cases without."""
        archive = self.archive()
        with self.sink() as sink:
            sink.prepare()
            sink.prepare()
            sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
        self.assert_committed(archive)
        self.assert_only(archive)

    def test_slow_archive_is_stored(self) -> None:
        """Bytes that take their time are waited for."""
        archive = self.archive(pause=0.005)
        self.store(archive)
        self.assert_committed(archive)

    def test_readers_are_given_back(self) -> None:
        """Every reader is closed, after a success and after a failure."""
        stored = self.archive()
        failing = self.archive("2", arrived=1000, error=TransientError("The download stopped."))
        self.store(stored)
        with pytest.raises(TransientError):
            self.store(failing)
        assert (stored.open_readers, failing.open_readers) == (0, 0)

    @pytest.mark.parametrize("key", _NAMES, ids=lambda key: key[:30])
    def test_awkward_names_are_stored(self, key: str) -> None:
        """Every key that `check_key` allows can be stored, listed, read and deleted."""
        archive = self.archive(key=check_key(key))
        assert self.store(archive).key == key
        self.assert_committed(archive)
        self.assert_only(archive)
        assert self.fetch(self.listed()[key]) == archive.content.read(0, archive.size)

    def test_neighbours_with_similar_names_are_left_alone(self) -> None:
        """Names that begin alike belong to other archives, whatever they look like."""
        archive = self.archive("9")
        neighbours = list(self._neighbours(archive))
        for neighbour in (*neighbours, archive):
            self.store(neighbour)
        for stored in (*neighbours, archive):
            self.assert_committed(stored)
        self.assert_only(*neighbours, archive)

    def test_big_archive_takes_little_memory(self) -> None:
        """Memory does not grow with the archive; every offset reads back right."""
        size = self.big_size
        (outcome,) = self.attempt(Attempt("store", "1", size, str(self._notes)))
        archive = self.archive(size=size)
        stored = self.listed()[archive.key]
        assert (stored.size, self.raw.names()[archive.key]) == (size, size)
        for offset in (size - 70_000, size - 1):
            assert self.fetch(stored, offset) == archive.content.read(offset, size)
        assert outcome.growth <= self.memory_limit, (
            f"Storing {size:,} bytes took {outcome.growth:,} bytes of memory."
        )

    def _neighbours(self, archive: SampleArchive) -> Iterator[SampleArchive]:
        suffixes = (".part", ".partial", ".tmp", ".new", ".1", "2", "-x")
        for number, suffix in enumerate(suffixes):
            yield self.archive(str(number), key=archive.key + suffix)


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, BaseModel):
        yield from _secrets(list(dict(value).values()))
    elif isinstance(value, dict):
        yield from _secrets(list(value.values()))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for each in value:
            yield from _secrets(each)
