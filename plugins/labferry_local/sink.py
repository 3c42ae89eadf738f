"""A folder as a destination."""

import errno
import io
import logging
import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from typing_extensions import override

from labferry.sdk import (
    MANIFEST_SUFFIX,
    MARKER_KEY,
    Archive,
    Checked,
    Checkpoint,
    ConflictError,
    FilePath,
    Finding,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    Manifest,
    ManifestDraft,
    NotFoundError,
    Pacer,
    Receipt,
    Severity,
    Sink,
    SinkSettings,
    SinkTraits,
    StoredArchive,
    Stray,
    TransientError,
    check_key,
    is_key,
)
from labferry.sdk.files import Entry, FileKindError, Folder, disk_errors
from labferry.sdk.strays import Found, changed_at, require_unfinished, strays_among
from labferry_local.files import PART, UNFINISHED, begin_forcing, hides_archives, sweep
from labferry_local.mounts import mount_of
from labferry_local.readback import ReadBack

_log = logging.getLogger(__name__)
_CHUNK = 1 << 20
_FORCED_AT_A_TIME = 32 << 20


class _NoFolderError(NotFoundError):
    """The folder of a key is not there, and so neither is its archive."""


class LocalSettings(SinkSettings):
    """The keys of a destination of type `local`."""

    path: FilePath
    """The folder that keeps the archives. It must exist. labferry does not create it, so that you
    notice if a disk is not mounted."""


class LocalSink(Sink[LocalSettings]):
    """Keeps archives in a folder on a disk of this machine, or one that is mounted there.

    An archive is written under a temporary name, forced to the disk, read back from there and
    compared, and then linked to its final name, which never overwrites; the manifest follows in
    the same way. Below `path`, no link is followed.
    """

    type = "local"
    Settings = LocalSettings
    traits = SinkTraits(has_marker=True)

    def __init__(self, name: str, settings: LocalSettings) -> None:
        super().__init__(name, settings)
        self._root = settings.path
        self._swept = False

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        parent, name = _split(archive.key)
        target = self._path(archive.key)
        with (
            disk_errors(target),
            self._opened() as root,
            root.descend(parent, make=True) as folder,
        ):
            if not self._swept:
                sweep(root)
                self._swept = True
            if not folder.has(name):
                with folder.new_file(name, suffix=PART) as file:
                    self._write(archive, file, folder)
                    self._require_in_place(root, folder, parent)
            elif _digest(folder, name) != archive.digests().sha256:
                raise ConflictError(f"{target} exists already with other content; not touched.")
            self._require_in_place(root, folder, parent)
            with disk_errors(self._path(manifest.key)):
                _write_manifest(manifest, folder)
        mount = mount_of(self._root)
        return Receipt(
            destination=self.name,
            archive_id=archive.id,
            key=archive.key,
            size=archive.size,
            # What was read back may have come from a cache.
            checked=Checked.SIZE if mount and mount.may_write_later else Checked.READ_BACK,
            url=target.absolute().as_uri(),
        )

    @override
    def list(self) -> Iterator[StoredArchive]:
        """Every committed archive.

        Raises:
            ConflictError: After all others: a link leads to a folder with archives, and is not
                followed.
        """
        with disk_errors(self._root), self._opened() as root:
            links = []
            for entry in root.walk(is_key, unreadable=self._leave_out):
                if entry.is_link and hides_archives(self._root, entry):
                    links.append(entry.key)
                elif entry.name.endswith(MANIFEST_SUFFIX):
                    stored = self._committed(entry.folder, entry.name, entry.key)
                    if stored is not None:
                        yield stored
            for key in links:
                raise FileKindError(self._path(key), "a link", "a folder")

    @override
    def find(self, key: str, version_id: str | None = None) -> StoredArchive | None:
        del version_id
        parent, name = _split(key + MANIFEST_SUFFIX)
        with disk_errors(self._path(key)), self._opened() as root:
            try:
                folder = root.descend(parent)
            except FileNotFoundError:
                return None
            with folder:
                is_there = folder.has(name)
                return self._committed(folder, name, key + MANIFEST_SUFFIX) if is_there else None

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        with self._folder_of(stored.key) as (folder, name):
            file = folder.open(name)
            file.seek(offset)
            return io.BufferedReader(file)

    @override
    def delete(self, stored: StoredArchive) -> None:
        with suppress(_NoFolderError), self._folder_of(stored.key) as (folder, name):
            _require_same(stored, folder, name)
            folder.unlink(name + MANIFEST_SUFFIX)
            folder.unlink(name)
            folder.sync()

    @override
    def quick_check(self, stored: StoredArchive) -> Checked:
        with self._folder_of(stored.key) as (folder, name):
            size = folder.size(name)
        return super().quick_check(replace(stored, size=size))

    @override
    def hold(self, stored: StoredArchive) -> str:
        with suppress(LabferryError), self._folder_of(stored.key) as (folder, _):
            if not os.access(".", os.W_OK | os.X_OK, dir_fd=folder.fileno()):
                return f"the folder {folder.path} may not be written"
        return ""

    @override
    def read_marker(self) -> bytes | None:
        with disk_errors(self._root / MARKER_KEY), self._opened() as root:
            try:
                return root.read(MARKER_KEY, _CHUNK)
            except FileNotFoundError:
                return None

    @override
    def write_marker(self, content: bytes) -> None:
        with (
            disk_errors(self._root / MARKER_KEY),
            self._opened() as root,
            suppress(FileExistsError),
        ):
            if not root.has(MARKER_KEY):
                with root.new_file(MARKER_KEY, suffix=PART) as file:
                    file.write(content)

    @override
    def strays(self) -> Iterator[Stray]:
        with disk_errors(self._root), self._opened() as root:
            found = []
            for entry in root.walk(is_key, unreadable=self._leave_out):
                is_begun = entry.is_file and UNFINISHED.fullmatch(entry.name)
                if not (is_begun and _is_being_written(entry)):
                    status = entry.status
                    changed = changed_at(status.st_mtime)
                    found.append(Found(entry.key, status.st_size, changed, entry.is_file))
        yield from strays_among(found, {stored.key for stored in self.list()}, UNFINISHED)

    @override
    def remove_stray(self, stray: Stray) -> None:
        require_unfinished(stray, UNFINISHED)
        parent, _, name = stray.key.rpartition("/")
        path = (self._path(parent) if parent else self._root) / name
        with (
            disk_errors(path),
            suppress(FileNotFoundError),
            self._opened() as root,
            root.descend(parent) as folder,
        ):
            if not folder.remove_abandoned(name, without_locks=True):
                raise TransientError(f"{path} is being written now; it was not touched.")

    @override
    def check(self) -> Iterator[Finding]:
        token = secrets.token_bytes(32)
        probe = f".{secrets.token_hex(8)}.labferry-check"
        with disk_errors(self._root), self._opened() as root:
            try:
                with root.new_file(probe, suffix=PART) as file:
                    file.write(token)
                if root.read(probe, len(token) + 1) != token:
                    raise IntegrityError(
                        f"{self._root / probe} does not hold what was written to it."
                    )
            finally:
                root.unlink(probe)
            free, is_forced = root.free(), root.sync()
        yield Finding(
            Severity.OK, f"{self._root} can be written and read; {free / 1e9:.1f} GB free."
        )
        if not is_forced:
            yield Finding(
                Severity.WARNING,
                f"The file system of {self._root} can't force a folder to its disk. After a power "
                "cut, the latest archives may be missing; `labferry verify` shows it.",
            )
        mount = mount_of(self._root)
        if mount is not None and mount.may_write_later:
            yield Finding(
                Severity.WARNING,
                f"{self._root} is on {mount.source} ({mount.kind}), which may keep archives in a "
                "cache and write them later. labferry reads them back from that cache, so it can't "
                "tell whether they arrived. Better: a destination of type s3, sftp or fsspec.",
            )

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*check_key(key).split("/"))

    @contextmanager
    def _opened(self) -> Iterator[Folder]:
        """The root, open."""
        try:
            root = Folder.at(self._root)
        except (FileNotFoundError, NotADirectoryError):
            raise self._missing_root() from None
        with root:
            yield root

    @contextmanager
    def _folder_of(self, key: str) -> Iterator[tuple[Folder, str]]:
        """The folder of a key, open, and the name in it."""
        (parent, name), path = _split(key), self._path(key)
        with disk_errors(path), self._opened() as root:
            try:
                folder = root.descend(parent)
            except FileNotFoundError:
                raise _NoFolderError(f"{path} is not there.") from None
            with folder:
                yield folder, name

    def _missing_root(self) -> NotFoundError:
        return NotFoundError(
            f"There is no folder {self._root}.",
            hint=f"Is its disk mounted? If it is new: mkdir -p {shlex.quote(str(self._root))}",
        )

    def _require_in_place(self, root: Folder, folder: Folder, key: str) -> None:
        """Make sure that what is written now is found by its path later."""
        if not root.is_at(self._root):
            raise FileNotFoundError(errno.ENOENT, "its folder was moved or unmounted")
        with root.descend(key) as now:
            if not os.path.samestat(now.status(), folder.status()):
                raise FileNotFoundError(errno.ENOENT, "its folder was replaced meanwhile")

    def _write(self, archive: Archive, file: io.BufferedRandom, folder: Folder) -> None:
        pacer = Pacer(self.settings.bandwidth_limit)
        again = folder.open(Path(file.name).name)
        with ReadBack(file, again) as back:
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
                    f"{folder.path} does not hold what was written to it.",
                    hint="The disk or the network in between is at fault.",
                )

    def _committed(self, folder: Folder, name: str, key: str) -> StoredArchive | None:
        """What a manifest commits, given its folder, its name in that, and its key."""
        path = self._root / key
        try:
            archive = check_key(key.removesuffix(MANIFEST_SUFFIX))
            # One byte more than a manifest can have: other people's files may be huge.
            document = folder.read(name, _CHUNK + 1)
            manifest = Manifest.from_json(document, where=str(path))
            size = folder.size(name.removesuffix(MANIFEST_SUFFIX))
        except FileNotFoundError:
            _log.warning("%s is left out: there is no archive beside it.", path)
        except (FileKindError, PermissionError) as error:
            _log.warning("%s is left out: %s: %s.", path, error.filename, error.strerror)
        except InvalidAnswerError as error:
            _log.warning("%s is left out: %s", path, error)
        else:
            return StoredArchive(archive, size, manifest)
        return None

    def _leave_out(self, key: str, error: OSError) -> None:
        _log.warning("%s is left out: %s.", self._root / key, error.strerror)


def _split(key: str) -> tuple[str, str]:
    """The folder and the name of a key."""
    parent, _, name = check_key(key).rpartition("/")
    return parent, name


def _is_being_written(entry: Entry) -> bool:
    try:
        return entry.folder.is_abandoned(entry.name) is False
    except OSError:  # nobody knows
        return False


def _require_same(stored: StoredArchive, folder: Folder, name: str) -> None:
    """Make sure that what would be deleted is what was listed.

    A manifest that is gone, or is none any more, protects nothing: its archive is to go, too.

    Raises:
        ConflictError: It is the manifest of another archive.
    """
    path = folder.path / (name + MANIFEST_SUFFIX)
    try:
        found = Manifest.from_json(folder.read(path.name, _CHUNK + 1), where=str(path))
    except (FileNotFoundError, InvalidAnswerError):
        return
    wanted = stored.manifest
    if (found.archive_id, found.sha256) != (wanted.archive_id, wanted.sha256):
        raise ConflictError(
            f"{path} belongs to another archive than when it was listed. labferry deleted nothing.",
            hint="Find out who else writes there; then run again.",
        )


def _write_manifest(manifest: ManifestDraft, folder: Folder) -> None:
    document, name = manifest.seal(), _split(manifest.key)[1]
    if not folder.has(name):
        with folder.new_file(name, suffix=PART) as file:
            file.write(document)
    elif folder.read(name, len(document) + 1) != document:
        path = folder.path / name
        raise ConflictError(f"{path} exists already with other content; it was not touched.")


def _digest(folder: Folder, name: str) -> str:
    with folder.open(name) as file, ReadBack(file, folder.open(name)) as back:
        return back.sha256()
