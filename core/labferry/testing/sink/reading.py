"""Cases about reading a stored archive."""
# ruff: noqa: S101 - assert is how pytest checks

from collections.abc import Iterator
from dataclasses import replace

import pytest

from labferry.sdk.errors import LabferryError, NotFoundError
from labferry.sdk.manifest import Manifest
from labferry.sdk.sink import StoredArchive
from labferry.testing.samples.documents import SampleManifest
from labferry.testing.sink.base import ContractBase

__all__ = ["ReadingCases", "hostile_keys"]


def hostile_keys(name: str) -> Iterator[str]:
    """Keys that lead to a file of the storage's root by ways that no key may take."""
    yield f"x/../{name}"
    yield f"../storage/{name}"
    yield f"./{name}"
    yield f"/{name}"
    yield f"../{name}"
    yield ".."
    yield ""


class ReadingCases(ContractBase):
    """What `open` gives is what is stored."""

    def stored(self, key: str, size: int = 10) -> StoredArchive:
        """An entry as a list might give it, for a key that nothing was stored under."""
        document = SampleManifest(self.archive()).seal()
        return StoredArchive(key, size, Manifest.from_json(document, where=key))

    @pytest.mark.parametrize("offset", [0, 1, 65_536, 200_000, 300_006, 300_007])
    def test_open_begins_at_the_offset(self, offset: int) -> None:
        """The rest from there on, up to the end."""
        archive = self.archive(size=300_007)
        self.store(archive)
        expected = archive.content.read(offset, archive.size)
        assert self.fetch(self.listed()[archive.key], offset) == expected

    def test_open_can_be_read_in_pieces(self) -> None:
        """As verify and restore do; the end is an empty piece."""
        archive = self.archive(size=self.interrupted_size)
        self.store(archive)
        stored = self.listed()[archive.key]
        position = 0
        with self.sink() as sink, sink.open(stored) as file:
            while piece := file.read(700_001):
                assert piece == archive.content.read(position, len(piece))
                position += len(piece)
        assert position == archive.size

    def test_open_what_is_gone_is_not_found(self) -> None:
        """And says so with the right error, at the latest when it is read."""
        archive = self.archive()
        self.store(archive)
        stored = self.listed()[archive.key]
        self.raw.remove(archive.key)
        with pytest.raises(NotFoundError):
            self.fetch(stored)
        with pytest.raises(NotFoundError):
            self.fetch(replace(stored, key="never/was.zip"))

    def test_hostile_key_is_not_opened(self) -> None:
        """A key that leads out of the destination is refused, not followed."""
        self.raw.write("victim.zip", b"0123456789")
        for key in hostile_keys("victim.zip"):
            with pytest.raises(LabferryError):
                self.fetch(self.stored(key))
