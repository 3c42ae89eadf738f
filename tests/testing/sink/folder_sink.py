"""A small sink that keeps its promises, in steps that the broken ones get wrong one by one."""

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from typing_extensions import override

from labferry.sdk import (
    MANIFEST_SUFFIX,
    Archive,
    ArchiveReader,
    Checked,
    Checkpoint,
    ConflictError,
    Finding,
    IntegrityError,
    InvalidAnswerError,
    Manifest,
    ManifestDraft,
    NotFoundError,
    Receipt,
    RefusedError,
    Secret,
    Severity,
    Sink,
    SinkSettings,
    StoredArchive,
    Stray,
    check_key,
)
from labferry.sdk.strays import Found, require_unfinished, strays_among

CHUNK = 65_536
UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.[0-9a-f]{8}")


class FolderSettings(SinkSettings):
    path: Path
    """The folder."""

    token: Secret | None = None
    """Opens nothing; it must not be seen."""


class FolderSink(Sink[FolderSettings]):
    type = "folder"
    Settings = FolderSettings

    @property
    def root(self) -> Path:
        return self.settings.path

    def place(self, key: str) -> Path:
        return self.root / check_key(key)

    def temporary(self, place: Path) -> Path:
        return place.with_name(f"{self.temporary_prefix(place)}{secrets.token_hex(4)}")

    def temporary_prefix(self, place: Path) -> str:
        return f".{hashlib.sha256(place.name.encode()).hexdigest()[:16]}."

    @contextmanager
    def errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise NotFoundError(f"{error.filename} is not there.") from error
        except OSError as error:
            raise RefusedError(f"{error.filename}: {error.strerror}.") from error

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        place = self.place(archive.key)
        with self.errors():
            place.parent.mkdir(parents=True, exist_ok=True)
            self.sweep(place)
            self.put(archive, place)
            self.commit(manifest)
        return self.receipt(archive)

    def sweep(self, place: Path) -> None:
        for old in place.parent.glob(f"{self.temporary_prefix(place)}*"):
            old.unlink()

    def put(self, archive: Archive, place: Path) -> None:
        if not place.exists():
            self.upload(archive, place)
        elif hashlib.sha256(place.read_bytes()).hexdigest() != archive.digests().sha256:
            raise ConflictError(f"{place} is something else.")

    def upload(self, archive: Archive, place: Path) -> None:
        temporary = self.temporary(place)
        try:
            with temporary.open("wb") as file, archive.open() as reader:
                self.copy(reader, file)
            self.verify(archive, temporary)
            os.link(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)

    def copy(self, reader: ArchiveReader, file: BinaryIO) -> None:
        while chunk := reader.read(CHUNK):
            file.write(chunk)

    def verify(self, archive: Archive, temporary: Path) -> None:
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != archive.digests().sha256:
            raise IntegrityError(f"{temporary} holds other bytes.")

    def commit(self, manifest: ManifestDraft) -> None:
        place = self.place(manifest.key)
        temporary = self.temporary(place)
        self.sweep(place)
        try:
            temporary.write_bytes(manifest.seal())
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)

    def receipt(self, archive: Archive) -> Receipt:
        key, size = archive.key, archive.size
        return Receipt(self.name, archive.id, key, size, Checked.READ_BACK)

    @override
    def list(self) -> Iterator[StoredArchive]:
        with self.errors():
            for path in self.manifests():
                try:
                    yield self.entry(path)
                except (InvalidAnswerError, FileNotFoundError):
                    continue

    def manifests(self) -> Iterator[Path]:
        yield from self.root.rglob(f"*{MANIFEST_SUFFIX}")

    def entry(self, path: Path) -> StoredArchive:
        manifest = Manifest.from_json(path.read_bytes(), where=str(path))
        archive = path.with_name(path.name.removesuffix(MANIFEST_SUFFIX))
        key = archive.relative_to(self.root).as_posix()
        return StoredArchive(key, archive.stat().st_size, manifest)

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        with self.errors():
            file = self.place(stored.key).open("rb")
        file.seek(offset)
        return file

    @override
    def delete(self, stored: StoredArchive) -> None:
        with self.errors():
            self.place(stored.key + MANIFEST_SUFFIX).unlink(missing_ok=True)
            self.place(stored.key).unlink(missing_ok=True)

    @override
    def strays(self) -> Iterator[Stray]:
        found = [self.found(path) for path in self.root.rglob("*") if path.is_file()]
        yield from strays_among(found, {stored.key for stored in self.list()}, UNFINISHED)

    def found(self, path: Path) -> Found:
        told = path.stat()
        changed = datetime.fromtimestamp(told.st_mtime, UTC)
        return Found(path.relative_to(self.root).as_posix(), told.st_size, changed)

    @override
    def remove_stray(self, stray: Stray) -> None:
        require_unfinished(stray, UNFINISHED)
        self.unfinished(stray).unlink(missing_ok=True)

    def unfinished(self, stray: Stray) -> Path:
        folder, _, name = stray.key.rpartition("/")
        return self.place(folder) / name

    @override
    def check(self) -> Iterator[Finding]:
        probe = self.root / f".check-{secrets.token_hex(4)}"
        with self.errors():
            try:
                probe.write_bytes(b"?")
                probe.read_bytes()
            finally:
                probe.unlink(missing_ok=True)
        yield Finding(Severity.OK, "It can be written and read.")
