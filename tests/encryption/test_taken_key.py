"""What an earlier attempt left under the key, where it can't be removed or read."""

import os
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

import pytest
from tests import labfiles  # noqa: F401 - brings a filesystem
from typing_extensions import override

from labferry.config import Kinds, load_config
from labferry.encryption import Recipients
from labferry.ledger import Export, Ledger
from labferry.lifecycle import ExportJob, Phase
from labferry.plugins import load_plugins
from labferry.runtime.clock import Clock
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Archive,
    Checkpoint,
    ConflictError,
    ExportRequest,
    IntegrityError,
    Manifest,
    ManifestDraft,
    Offer,
    Receipt,
    RefusedError,
    Sink,
    StoredArchive,
)
from labferry.spool import Spool, SpoolArchive
from labferry.sync.context import RunContext
from labferry.sync.encrypted_delivery import EncryptedDelivery
from labferry.sync.export_task import ExportTask
from labferry.sync.lane import declared_archive
from labferry_fsspec import FsspecSettings, UrlSink
from labferry_local import LocalSettings, LocalSink

from .conftest import Key

CONTENT = b"lab" * 100_000
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NAME = "20260102T030405Z-chem-23.zip"
SOURCE: Any = SimpleNamespace(name="chem", type="notebook", url="https://eln.example.edu")


class LockedSink(LocalSink):
    """Deletes nothing, as under an object lock."""

    @override
    def delete(self, stored: StoredArchive) -> None:
        raise RefusedError(f"{stored.key} is locked.")


class WriteOnlySink(LocalSink):
    """Lets nobody read."""

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        raise RefusedError(f"{stored.key} may not be read.")


Kind = type[LocalSink] | type[UrlSink]


class KilledError(BaseException):
    """Stands for a kill."""


class Place:
    """A destination, and everything that is needed to deliver an archive to it."""

    def __init__(self, folder: Path, key: Key, context: RunContext) -> None:
        self.folder = folder
        self.context = context
        self._recipients = Recipients([key.public])
        self._export = self._planned()

    def deliver(self, kind: Kind, *, killed: bool = False) -> Receipt:
        """Deliver as each run does, with all that is remembered in the ledger and the spool."""
        archive = self._spooled()
        checkpoint = self.context.ledger.checkpoint(self._export.id, "nas")
        delivery = EncryptedDelivery(
            self.context,
            "nas",
            self._recipients,
            export=self._export,
            plain=archive.followed(lambda: None),
            checkpoint=checkpoint,
        )
        sink = self.sink(kind)
        try:
            return delivery.store(sink, _killed if killed else _sent)
        finally:
            sink.close()
            archive.close()

    def sink(self, kind: Kind) -> Sink[Any]:
        if issubclass(kind, UrlSink):
            url = f"labfiles://{self.folder}"
            return kind("nas", FsspecSettings.model_validate({"type": "fsspec", "url": url}))
        return kind("nas", LocalSettings(type="local", path=self.folder))

    def lose_encrypted_file(self) -> None:
        for path in self.context.spool.folder.glob("*.age*"):
            path.unlink()

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.rglob("2026*") if path.is_file())

    def _planned(self) -> Export:
        ledger = self.context.ledger
        request = ExportRequest("group", "the group", {}, None)
        export = ledger.plan(self.context.run, SOURCE, "alice", request)
        offer = Offer("https://eln.example.edu/23", len(CONTENT), zlib.crc32(CONTENT))
        job = ExportJob(Phase.VERIFIED, NOW, "23", offer=offer, completed_at=NOW)
        export = replace(export, job=job)
        ledger.save(export)
        ledger.expect(export.id, ["nas"])
        return export

    def _spooled(self) -> SpoolArchive:
        declared = declared_archive(ExportTask(SOURCE, self._export, frozenset()))
        archive = self.context.spool.open(declared, md5=False)
        archive.resume()
        archive.write(0, CONTENT)
        archive.verify()
        return archive


def _sent(
    sink: Sink[Any], archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint
) -> Receipt:
    return sink.store(archive, manifest, checkpoint)


def _killed(
    sink: Sink[Any], archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint
) -> Receipt:
    """The archive gets there, its manifest does not."""

    class Unsealed(ManifestDraft):
        key = manifest.key

        @override
        def seal(self) -> bytes:
            raise KilledError

    return sink.store(archive, Unsealed(), checkpoint)


@pytest.fixture
def place(tmp_path: Path, key: Key) -> Iterator[Place]:
    folder = tmp_path / "nas"
    folder.mkdir()
    file = tmp_path / "labferry.toml"
    file.write_text('[destinations.nas]\ntype = "local"\npath = "nas"\n')
    ledger = Ledger(tmp_path / "ledger.db")
    context = RunContext(
        run=ledger.begin_run(NOW),
        clock=Clock(),
        config=load_config(file, Kinds({}, {"local": LocalSink})),
        routes={"chem": ("nas",)},
        ledger=ledger,
        spool=Spool(tmp_path / "spool"),
        hooks=load_plugins([]).hooks,
        stop=Stop(),
    )
    yield Place(folder, key, context)
    ledger.close()


@pytest.mark.parametrize("kind", [LocalSink, UrlSink])
def test_archive_without_manifest_is_replaced(place: Place, kind: Kind) -> None:
    with pytest.raises(KilledError):
        place.deliver(kind, killed=True)
    assert place.names() == [f"{NAME}.age"]
    place.lose_encrypted_file()
    receipt = place.deliver(kind)
    (stored,) = place.sink(kind).list()
    assert receipt.key == stored.key == f"chem/2026/{NAME}.age"
    assert place.names() == [f"{NAME}.age", f"{NAME}.age.manifest.json"]
    place.sink(kind).quick_check(stored)


@pytest.mark.parametrize("kind", [LocalSink, LockedSink, UrlSink])
def test_committed_archive_is_recognised(place: Place, kind: Kind) -> None:
    before = place.deliver(kind)
    place.lose_encrypted_file()
    after = place.deliver(kind)
    assert (after.archive_id, after.key, after.size) == (before.archive_id, before.key, before.size)
    assert len(place.names()) == 2


def test_committed_archive_that_was_cut_short_since_is_told(place: Place) -> None:
    receipt = place.deliver(LocalSink)
    place.lose_encrypted_file()
    os.truncate(place.folder / receipt.key, 100)
    with pytest.raises(IntegrityError, match="100"):
        place.deliver(LocalSink)


@pytest.mark.parametrize("kind", [LockedSink, WriteOnlySink])
def test_new_bytes_get_a_key_of_their_own(place: Place, kind: type[LocalSink]) -> None:
    with pytest.raises(KilledError):
        place.deliver(kind, killed=True)
    place.lose_encrypted_file()
    receipt = place.deliver(kind)
    (stored,) = place.sink(kind).list()
    other = f"{NAME}.{stored.manifest.sha256[:10]}.age"
    assert receipt.key == stored.key == f"chem/2026/{other}"
    assert stored.manifest.file == other
    assert place.names() == sorted([f"{NAME}.age", other, f"{other}.manifest.json"])


def test_key_of_its_own_is_kept(place: Place) -> None:
    with pytest.raises(KilledError):
        place.deliver(LockedSink, killed=True)
    place.lose_encrypted_file()
    with pytest.raises(KilledError):
        place.deliver(LockedSink, killed=True)
    receipt = place.deliver(LockedSink)
    assert place.deliver(LockedSink) == receipt
    assert len(place.names()) == 3


def test_lost_again_and_again_ends_in_one_copy(place: Place) -> None:
    for _ in range(3):
        with pytest.raises(KilledError):
            place.deliver(LockedSink, killed=True)
        place.lose_encrypted_file()
    place.deliver(LockedSink)
    assert sum(name.endswith(".manifest.json") for name in place.names()) == 1


@pytest.mark.parametrize("kind", [LocalSink, LockedSink])
def test_key_that_somebody_else_took_is_a_conflict(place: Place, kind: type[LocalSink]) -> None:
    foreign = place.folder / f"chem/2026/{NAME}.age"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"mine")
    with pytest.raises(ConflictError):
        place.deliver(kind)
    assert foreign.read_bytes() == b"mine"


def test_what_somebody_else_put_there_meanwhile_is_not_removed(place: Place) -> None:
    with pytest.raises(KilledError):
        place.deliver(LocalSink, killed=True)
    place.lose_encrypted_file()
    foreign = place.folder / f"chem/2026/{NAME}.age"
    foreign.write_bytes(b"mine")
    place.deliver(LocalSink)
    assert foreign.read_bytes() == b"mine"
    assert len(place.names()) == 3


def test_manifest_is_sealed_once(place: Place) -> None:
    place.deliver(LocalSink)
    (path,) = place.folder.rglob("*.manifest.json")
    before = path.read_bytes()
    path.unlink()
    place.deliver(LocalSink)
    assert path.read_bytes() == before
    manifest = Manifest.from_json(before, where="nas")
    assert cast("Any", manifest.encryption).sealed in before.decode().replace("\\n", "\n")
