"""Cases about what a destination lists."""
# ruff: noqa: S101 - assert is how pytest checks

import json

import pytest

from labferry.sdk.manifest import MANIFEST_SUFFIX, Manifest
from labferry.testing.samples.documents import SampleManifest
from labferry.testing.sink.base import ContractBase

__all__ = ["ListingCases"]

_BROKEN = [
    pytest.param(b"", id="empty"),
    pytest.param(b'{"labferry_manifest": 1, "arch', id="cut-short"),
    pytest.param(b"<html>Log in</html>", id="a-web-page"),
    pytest.param(b"[]", id="no-table"),
    pytest.param(b'{"labferry_manifest": 99}', id="of-a-later-version"),
    pytest.param(b"\xff\xfe\x00", id="not-text"),
]


class ListingCases(ContractBase):
    """Committed archives, from the destination alone, and nothing else."""

    def test_empty_destination_lists_nothing(self) -> None:
        """Before the first store there is nothing, and that is no error."""
        assert self.listed() == {}

    def test_committed_archives_are_listed(self) -> None:
        """With their keys, sizes and manifests."""
        archives = [self.archive("1"), self.archive("2", size=0), self.archive("3", key="x/y.z")]
        for archive in archives:
            self.store(archive)
        listed = self.listed()
        assert set(listed) == {archive.key for archive in archives}
        for archive in archives:
            stored, document = listed[archive.key], SampleManifest(archive).seal()
            assert stored.size == archive.size
            assert stored.manifest == Manifest.from_json(document, where=archive.key)

    def test_archive_without_a_manifest_is_not_listed(self) -> None:
        """It is not committed."""
        archive = self.archive()
        self.raw.write(archive.key, archive.content.read(0, archive.size))
        assert self.listed() == {}

    def test_manifest_without_an_archive_is_not_listed(self) -> None:
        """There is nothing that could be restored."""
        manifest = SampleManifest(self.archive())
        self.raw.write(manifest.key, manifest.seal())
        assert self.listed() == {}

    def test_foreign_files_are_not_listed(self) -> None:
        """Whatever else lies there, the committed archive is listed and nothing fails."""
        archive = self.archive()
        self.store(archive)
        for name in ("README", "sample/notes.json", "sample/2026/x.zip", "odd name/ä.zip", ".x/y"):
            self.raw.write(name, b"not ours")
        assert set(self.listed()) == {archive.key}

    @pytest.mark.parametrize("document", _BROKEN)
    def test_broken_manifest_is_not_listed(self, document: bytes) -> None:
        """One broken manifest hides one archive, not all of them."""
        good, bad = self.archive("1"), self.archive("2")
        self.store(good)
        self.store(bad)
        self.raw.write(SampleManifest(bad).key, document)
        assert set(self.listed()) == {good.key}

    @pytest.mark.parametrize("file", ["../../../etc/passwd", "/etc/passwd", "other.zip", ""])
    def test_name_inside_a_manifest_is_not_followed(self, file: str) -> None:
        """An archive is where its manifest lies, whatever that says."""
        archive = self.archive()
        self.store(archive)
        manifest = SampleManifest(archive)
        table = {**json.loads(manifest.seal()), "file": file}
        self.raw.write(manifest.key, json.dumps(table).encode())
        assert set(self.listed()) <= {archive.key}

    def test_size_is_what_the_storage_holds(self) -> None:
        """So that a copy which was cut short is noticed."""
        archive = self.archive()
        self.store(archive)
        self.raw.write(archive.key, archive.content.read(0, 1000))
        stored = self.listed().get(archive.key)
        assert stored is None or stored.size == 1000  # noqa: PLR2004 - as written above

    def test_archive_is_found_by_its_key(self) -> None:
        """As it is listed, and only as long as it is committed."""
        first, second = self.archive("1"), self.archive("2")
        self.store(first)
        self.store(second)
        listed = self.listed()
        with self.sink() as sink:
            for stored in listed.values():
                found = sink.find(stored.key, stored.version_id)
                assert found is not None
                assert (found.key, found.size) == (stored.key, stored.size)
                assert found.manifest == stored.manifest
            assert sink.find(self.archive("3").key) is None
            self.raw.remove(first.key + MANIFEST_SUFFIX)
            gone = listed[first.key]
            assert sink.find(gone.key, gone.version_id) is None

    def test_list_is_never_stale(self) -> None:
        """A sink that has listed once sees what came and went since."""
        first, second = self.archive("1"), self.archive("2")
        self.store(first)
        with self.sink() as sink:
            assert [each.key for each in sink.list()] == [first.key]
            self.store(second)
            assert {each.key for each in sink.list()} == {first.key, second.key}
            self.raw.remove(first.key + MANIFEST_SUFFIX)
            assert [each.key for each in sink.list()] == [second.key]
