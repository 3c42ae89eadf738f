"""Sinks whose `store` is wrong, each in one way; the docstrings say what happens to a user."""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from tests.testing.sink.folder_sink import CHUNK, FolderSink
from typing_extensions import override

from labferry.sdk import (
    Archive,
    ArchiveReader,
    Checkpoint,
    ConflictError,
    IntegrityError,
    LabferryError,
    ManifestDraft,
    Receipt,
    RefusedError,
    TransientError,
)


class PublishesBeforeVerification(FolderSink):
    """A half-arrived archive lies there under its final name."""

    @override
    def upload(self, archive: Archive, place: Path) -> None:
        try:
            with place.open("wb") as file, archive.open() as reader:
                self.copy(reader, file)
        except BaseException:
            place.unlink()
            raise


class PublishesTheManifestFirst(FolderSink):
    """For a moment a manifest vouches for an archive that is not there."""

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        archive.digests()
        self.place(archive.key).parent.mkdir(parents=True, exist_ok=True)
        self.commit(manifest)
        return super().store(archive, manifest, checkpoint)


class LeavesTemporariesOfFailures(FolderSink):
    """Every failed download leaves a file behind."""

    @override
    def upload(self, archive: Archive, place: Path) -> None:
        temporary = self.temporary(place)
        with temporary.open("wb") as file, archive.open() as reader:
            self.copy(reader, file)
        temporary.rename(place)


class LeavesTemporariesOfTheKilled(FolderSink):
    """Every crash leaves a file behind."""

    @override
    def sweep(self, place: Path) -> None:
        return


class LeavesAMarker(FolderSink):
    """Something that nobody asked for lies in the destination."""

    @override
    def receipt(self, archive: Archive) -> Receipt:
        (self.root / ".labferry").touch()
        return super().receipt(archive)


class SwallowsErrorsOfTheReader(FolderSink):
    """A refused archive is called stored."""

    @override
    def copy(self, reader: ArchiveReader, file: BinaryIO) -> None:
        try:
            super().copy(reader, file)
        except LabferryError:
            return

    @override
    def verify(self, archive: Archive, temporary: Path) -> None:
        return

    @override
    def commit(self, manifest: ManifestDraft) -> None:
        try:
            super().commit(manifest)
        except LabferryError:
            return


class SwallowsARestart(FolderSink):
    """Half of one download and half of the next are called stored."""

    @override
    def copy(self, reader: ArchiveReader, file: BinaryIO) -> None:
        with suppress(TransientError):
            super().copy(reader, file)

    @override
    def verify(self, archive: Archive, temporary: Path) -> None:
        return

    @override
    def commit(self, manifest: ManifestDraft) -> None:
        with suppress(TransientError):
            super().commit(manifest)


class ClaimsToHaveReadBack(FolderSink):
    """What the disk made of the archive is never looked at."""

    @override
    def verify(self, archive: Archive, temporary: Path) -> None:
        archive.digests()


class CopiesAfterTheCommit(FolderSink):
    """A kill in between leaves a manifest that vouches for nothing."""

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        place = self.place(archive.key)
        place.parent.mkdir(parents=True, exist_ok=True)
        self.sweep(place)
        archive.digests()
        document = manifest.seal()
        self.put(archive, place)
        self.place(manifest.key).write_bytes(document)
        return self.receipt(archive)


class RenamesErrorsOfTheReader(FolderSink):
    """A broken download is reported as wrong credentials, and not retried."""

    @override
    def copy(self, reader: ArchiveReader, file: BinaryIO) -> None:
        try:
            super().copy(reader, file)
        except LabferryError as error:
            raise RefusedError("It can't be stored.") from error


class SwallowsErrorsOfTheStorage(FolderSink):
    """An archive is called stored though nothing could be written."""

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        try:
            return super().store(archive, manifest, checkpoint)
        except RefusedError:
            return self.receipt(archive)


class LetsTheStoragesErrorsThrough(FolderSink):
    """The core can't tell whether another try is worth it."""

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        place = self.place(archive.key)
        place.parent.mkdir(parents=True, exist_ok=True)
        self.sweep(place)
        self.put(archive, place)
        self.commit(manifest)
        return self.receipt(archive)


class IgnoresShortReads(FolderSink):
    """What was in the buffer before is stored behind the archive's end."""

    @override
    def copy(self, reader: ArchiveReader, file: BinaryIO) -> None:
        buffer = bytearray(CHUNK)
        while reader.readinto(buffer):
            file.write(buffer)

    @override
    def verify(self, archive: Archive, temporary: Path) -> None:
        return


class DropsTheLastPiece(FolderSink):
    """A piece that is not full is taken for the end."""

    @override
    def copy(self, reader: ArchiveReader, file: BinaryIO) -> None:
        while len(chunk := reader.read(CHUNK)) == CHUNK:
            file.write(chunk)

    @override
    def verify(self, archive: Archive, temporary: Path) -> None:
        return


class ReadsItAllIntoMemory(FolderSink):
    """A big archive takes the machine down."""

    @override
    def copy(self, reader: ArchiveReader, file: BinaryIO) -> None:
        file.write(reader.read())


class LeavesReadersOpen(FolderSink):
    """Files and threads are used up in time."""

    @override
    def upload(self, archive: Archive, place: Path) -> None:
        temporary = self.temporary(place)
        try:
            with temporary.open("wb") as file:
                self.copy(archive.open(), file)
            os.link(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)


class RefusesEmptyArchives(FolderSink):
    """An export of nothing fails for ever."""

    @override
    def copy(self, reader: ArchiveReader, file: BinaryIO) -> None:
        super().copy(reader, file)
        if not file.tell():
            raise RefusedError("There is nothing to store.")


class NamesTemporariesAfterTheKey(FolderSink):
    """A long name, and more behind it, is too long."""

    @override
    def temporary_prefix(self, place: Path) -> str:
        return f".{place.name}."


class SweepsItsNeighbours(FolderSink):
    """Another archive is taken for a temporary file."""

    @override
    def sweep(self, place: Path) -> None:
        for old in place.parent.glob(f"{place.name}.*"):
            if not old.name.endswith(".json"):
                old.unlink()


class SharesOneTemporary(FolderSink):
    """Two stores write into the same file."""

    @override
    def temporary(self, place: Path) -> Path:
        return self.root / ".upload"

    @override
    def verify(self, archive: Archive, temporary: Path) -> None:
        return


class OverwritesAnotherArchive(FolderSink):
    """The only copy of something else is gone."""

    @override
    def put(self, archive: Archive, place: Path) -> None:
        if place.exists() and place.stat().st_size == archive.size:
            place.unlink()
        super().put(archive, place)


class OverwritesWhatHasNoManifest(FolderSink):
    """A file that somebody put there by hand is gone."""

    @override
    def put(self, archive: Archive, place: Path) -> None:
        if not place.with_name(f"{place.name}.manifest.json").exists():
            place.unlink(missing_ok=True)
        super().put(archive, place)


class TakesTheSizeForTheContent(FolderSink):
    """A file of the same size is called the archive."""

    @override
    def put(self, archive: Archive, place: Path) -> None:
        if not place.exists() or place.stat().st_size != archive.size:
            super().put(archive, place)


class TrustsTheManifest(FolderSink):
    """A manifest is there, so the archive must be."""

    @override
    def put(self, archive: Archive, place: Path) -> None:
        if not place.with_name(f"{place.name}.manifest.json").exists():
            super().put(archive, place)


class MakesASecondCopy(FolderSink):
    """Every retry takes the space once more."""

    @override
    def put(self, archive: Archive, place: Path) -> None:
        if place.exists():
            shutil.copy(place, place.with_name(f"copy-of-{place.name}"))
        super().put(archive, place)


class SendsItAgain(FolderSink):
    """Every retry takes the time once more."""

    @override
    def put(self, archive: Archive, place: Path) -> None:
        if place.exists():
            with archive.open() as reader:
                digest = hashlib.sha256(reader.read())
            if digest.digest() != hashlib.sha256(place.read_bytes()).digest():
                raise ConflictError(f"{place} is something else.")
        else:
            super().put(archive, place)


class FailsWhenItIsThereAlready(FolderSink):
    """A crash before the answer was noted makes every later run fail."""

    @override
    def put(self, archive: Archive, place: Path) -> None:
        if place.exists():
            raise ConflictError(f"{place} exists.")
        super().put(archive, place)


class BelievesEveryCheckpoint(FolderSink):
    """An upgrade makes interrupted stores fail for ever."""

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        state = checkpoint.load()
        if state and state["size"] != archive.size:
            raise ConflictError("It changed.")
        checkpoint.save({"size": archive.size})
        return super().store(archive, manifest, checkpoint)


class WritesItsOwnManifest(FolderSink):
    """The manifest's bytes differ from place to place."""

    @override
    def commit(self, manifest: ManifestDraft) -> None:
        document = json.dumps(json.loads(manifest.seal()), sort_keys=True)
        self.place(manifest.key).write_text(document)


class NamesTheKindInReceipts(FolderSink):
    """Receipts of two destinations of a kind can't be told apart."""

    @override
    def receipt(self, archive: Archive) -> Receipt:
        whole = super().receipt(archive)
        return Receipt(self.type, whole.archive_id, whole.key, whole.size, whole.checked)


class ShowsASecretInReceipts(FolderSink):
    """The ledger, messages and notifications hold a password."""

    @override
    def receipt(self, archive: Archive) -> Receipt:
        whole = super().receipt(archive)
        token = self.settings.token.reveal() if self.settings.token else ""
        url = f"https://user:{token}@storage.example.edu/{archive.key}"
        return Receipt(self.name, whole.archive_id, whole.key, whole.size, whole.checked, url)


class NeedsAnMd5WithoutSayingSo(FolderSink):
    """It works only beside a destination that says so."""

    @override
    def verify(self, archive: Archive, temporary: Path) -> None:
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "md5").hexdigest()
        if digest != archive.digests().md5:
            raise IntegrityError(f"{temporary} holds other bytes.")
