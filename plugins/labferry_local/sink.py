"""A folder as a destination."""

import logging
import os
import secrets
import shlex
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from typing_extensions import override

from labferry.sdk import (
    MANIFEST_SUFFIX,
    Archive,
    Checked,
    Checkpoint,
    ConflictError,
    FilePath,
    Finding,
    IntegrityError,
    InvalidAnswerError,
    Manifest,
    ManifestDraft,
    NotFoundError,
    Pacer,
    Receipt,
    Severity,
    Sink,
    SinkSettings,
    StoredArchive,
    Stray,
    TransientError,
    check_key,
)
from labferry.sdk.keys import is_key
from labferry.sdk.strays import Found, require_unfinished, strays_among
from labferry_local.files import (
    UNFINISHED,
    begin_forcing,
    disk_errors,
    is_abandoned,
    make_folder,
    new_file,
    probe_name,
    sweep,
    sync_folder,
)
from labferry_local.readback import ReadBack

_log = logging.getLogger(__name__)
_CHUNK = 1 << 20
_FORCED_AT_A_TIME = 32 << 20
_NOT_OURS = (FileNotFoundError, IsADirectoryError, PermissionError)


class LocalSettings(SinkSettings):
    """The keys of a destination of type `local`."""

    path: FilePath
    """The folder that keeps the archives. It must exist: labferry does not make it, so that a
    disk which is not mounted is noticed."""


class LocalSink(Sink[LocalSettings]):
    """Keeps archives in a folder on a disk of this machine, or one that is mounted there.

    An archive is written under a temporary name, forced to the disk, read back from there and
    compared, and then linked to its final name, which never overwrites; the manifest follows in
    the same way.
    """

    type = "local"
    Settings = LocalSettings

    def __init__(self, name: str, settings: LocalSettings) -> None:
        super().__init__(name, settings)
        self._root = settings.path
        self._swept = False

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        target = self._path(archive.key)
        with disk_errors(target):
            self._prepare(target.parent)
            if not target.exists():
                self._write_archive(archive, target)
            elif _digest(target) != archive.digests().sha256:
                raise ConflictError(f"{target} exists already with other content; not touched.")
            _write_manifest(manifest.seal(), self._path(manifest.key))
        return Receipt(
            destination=self.name,
            archive_id=archive.id,
            key=archive.key,
            size=archive.size,
            checked=Checked.READ_BACK,
            url=target.absolute().as_uri(),
        )

    @override
    def list(self) -> Iterator[StoredArchive]:
        with disk_errors(self._root):
            self._require_root()
            # A search takes a folder that it may not read for an empty one; this does not.
            next(self._root.iterdir(), None)
            for path in sorted(self._root.rglob(f"*{MANIFEST_SUFFIX}")):
                stored = self._committed(path)
                if stored is not None:
                    yield stored

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        path = self._path(stored.key)
        with disk_errors(path):
            file = path.open("rb")
            file.seek(offset)
            return file

    @override
    def delete(self, stored: StoredArchive) -> None:
        path = self._path(stored.key)
        with disk_errors(path):
            path.with_name(path.name + MANIFEST_SUFFIX).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                sync_folder(path.parent)

    @override
    def quick_check(self, stored: StoredArchive) -> Checked:
        path = self._path(stored.key)
        with disk_errors(path):
            return super().quick_check(replace(stored, size=path.stat().st_size))

    @override
    def hold(self, stored: StoredArchive) -> str:
        folder = self._path(stored.key).parent
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
            return f"the folder {folder} may not be written"
        return ""

    @override
    def strays(self) -> Iterator[Stray]:
        with disk_errors(self._root):
            self._require_root()
            found = list(self._found(self._root))
        yield from strays_among(found, {stored.key for stored in self.list()}, UNFINISHED)

    @override
    def remove_stray(self, stray: Stray) -> None:
        require_unfinished(stray, UNFINISHED)
        folder, _, name = stray.key.rpartition("/")
        path = (self._path(folder) if folder else self._root) / name
        with disk_errors(path), suppress(FileNotFoundError):
            if not is_abandoned(path):
                raise TransientError(f"{path} is being written now; it was not touched.")
            path.unlink()

    @override
    def check(self) -> Iterator[Finding]:
        token = secrets.token_bytes(32)
        probe = self._root / probe_name()
        with disk_errors(self._root):
            self._require_root()
            try:
                with new_file(probe) as file:
                    file.write(token)
                if probe.read_bytes() != token:
                    raise IntegrityError(f"{probe} does not hold what was written to it.")
            finally:
                probe.unlink(missing_ok=True)
            free = shutil.disk_usage(self._root).free
        yield Finding(
            Severity.OK, f"{self._root} can be written and read; {free / 1e9:.1f} GB free."
        )

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*check_key(key).split("/"))

    def _found(self, folder: Path) -> Iterator[Found]:
        """Every file below a folder; of folders that no key can lie in, they themselves."""
        for path in folder.iterdir():
            key = path.relative_to(self._root).as_posix()
            with suppress(FileNotFoundError):  # gone since
                if path.is_dir() and not path.is_symlink() and is_key(key):
                    yield from self._found(path)
                elif not UNFINISHED.fullmatch(path.name) or is_abandoned(path):
                    told = path.lstat()
                    yield Found(key, told.st_size, datetime.fromtimestamp(told.st_mtime, UTC))

    def _require_root(self) -> None:
        if not self._root.is_dir():
            raise NotFoundError(
                f"There is no folder {self._root}.",
                hint=f"Is its disk mounted? If it is new: mkdir -p {shlex.quote(str(self._root))}",
            )

    def _prepare(self, folder: Path) -> None:
        self._require_root()
        make_folder(folder, self._root)
        if not self._swept:
            sweep(self._root)
            self._swept = True

    def _write_archive(self, archive: Archive, target: Path) -> None:
        pacer = Pacer(self.settings.bandwidth_limit)
        with new_file(target) as file, ReadBack(file) as back:
            with archive.open() as reader:
                buffer = memoryview(bytearray(pacer.piece))
                written = forced = 0
                while count := reader.readinto(buffer):
                    pacer.take(count)
                    written += file.write(buffer[:count])
                    if written - forced >= _FORCED_AT_A_TIME:
                        begin_forcing(file, forced, written - forced)
                        # What was begun before is on the disk by now, or nearly so.
                        back.follow(forced)
                        forced = written
            # The reader gives out the last byte only of a verified archive, so this does not wait.
            if back.sha256() != archive.digests().sha256:
                raise IntegrityError(
                    f"{target.parent} does not hold what was written to it.",
                    hint="The disk or the network in between is at fault.",
                )

    def _committed(self, manifest_path: Path) -> StoredArchive | None:
        path = manifest_path.with_name(manifest_path.name.removesuffix(MANIFEST_SUFFIX))
        try:
            key = check_key(path.relative_to(self._root).as_posix())
            with manifest_path.open("rb") as file:
                # One byte more than a manifest can have: other people's files may be huge.
                document = file.read(_CHUNK + 1)
            manifest = Manifest.from_json(document, where=str(manifest_path))
            size = path.stat().st_size
        except (*_NOT_OURS, InvalidAnswerError) as error:
            _log.warning("%s is left out: %s", manifest_path, error)
            return None
        return StoredArchive(key, size, manifest)


def _write_manifest(document: bytes, target: Path) -> None:
    if not target.exists():
        with new_file(target) as file:
            file.write(document)
    elif target.read_bytes() != document:
        raise ConflictError(f"{target} exists already with other content; it was not touched.")


def _digest(path: Path) -> str:
    with path.open("rb") as file, ReadBack(file) as back:
        return back.sha256()
