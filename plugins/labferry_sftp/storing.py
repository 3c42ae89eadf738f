"""Storing one archive: write or go on, make sure, publish, commit."""

import hashlib
import io
import posixpath
from dataclasses import dataclass

from labferry.sdk import (
    Archive,
    Checked,
    Checkpoint,
    ConflictError,
    FullError,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    Manifest,
    ManifestDraft,
    Pacer,
    StoppedError,
    TransientError,
)
from labferry_sftp.parts import Parts
from labferry_sftp.problems import is_answer
from labferry_sftp.readback import ReadBack, sha256_of
from labferry_sftp.remote import Remote
from labferry_sftp.settings import SftpSettings
from labferry_sftp.transfer import IN_FLIGHT, Pieces, RemoteReader, Writer, send_small

# How much of an interrupted upload's end is compared before it is continued, where all of it is
# compared in the end: whatever was on its way when it broke off lies within.
_TAIL = 2 * IN_FLIGHT
# How much of its beginning is compared after a byte was written to it anew.
_HEAD = 1 << 16
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Storing:
    """One call of `store`.

    Attributes:
        name: The destination's name in the configuration.
        remote: The destination.
        settings: Its settings.
        archive: What to store.
        manifest: What to store beside it.
        checkpoint: Where the temporary name is noted.
    """

    name: str
    remote: Remote
    settings: SftpSettings
    archive: Archive
    manifest: ManifestDraft
    checkpoint: Checkpoint

    def run(self) -> Checked:
        """Store it, and tell how it was checked."""
        place = self.remote.path(self.archive.key)
        committed = self._committed()
        parts = Parts.noted(posixpath.dirname(place), self.checkpoint)
        if self.remote.size(place) is None:
            return self._deliver(parts, place, committed)
        checked = self._adopt(place, committed)
        if committed is None:
            parts = parts or Parts.new(posixpath.dirname(place), self.checkpoint)
            self._commit(parts, self.manifest.seal())
        if parts:
            parts.discard(self.remote, self.checkpoint)
        return checked

    def _deliver(self, parts: Parts | None, place: str, committed: Manifest | None) -> Checked:
        folder = posixpath.dirname(place)
        self.remote.make_folder(folder)
        parts = parts or Parts.new(folder, self.checkpoint)
        try:
            checked = self._upload(parts)
            self._require_same(committed)
            self._publish(parts.archive, place, self.archive.size)
            if committed is None:
                self._commit(parts, self.manifest.seal())
        except (TransientError, StoppedError):
            raise  # the next store goes on from here
        except LabferryError:
            parts.discard(self.remote, self.checkpoint)
            raise
        self.checkpoint.save({})
        return checked

    def _upload(self, parts: Parts) -> Checked:
        offset = self._proven(parts)
        path = parts.archive
        with ReadBack(self.remote, path) as back:
            along = back if self._reads_along else None
            self._send(path, offset, along)
            checked = self._check(path, self.settings.upload_check, along)
        if offset and checked is Checked.SIZE and not self._still_holds(path, offset):
            checked = None
        if checked is None and offset:
            parts.clear(self.remote, self.checkpoint)
            raise TransientError(
                f"{path} in {self.name} was continued but does not hold the archive: begun anew."
            )
        if checked is None:
            raise IntegrityError(
                f"{path} in {self.name} does not hold what was written to it.",
                hint="The server's disk or memory is at fault.",
            )
        return checked

    def _send(self, path: str, offset: int, back: ReadBack | None) -> None:
        """Write what is missing; if nothing is, force to the disk what is there."""
        pacer = Pacer(self.settings.bandwidth_limit)
        if back and offset:
            back.follow(offset)
        mode = "xb"
        if offset:
            mode = "r+b" if offset < self.archive.size else "rb"
        writer = Writer(self.remote, path, mode)
        with self.archive.open(offset) as reader:
            writer.send(reader, pacer, offset, back.follow if back else None)

    @property
    def _reads_along(self) -> bool:
        """Whether to read back while writing, as nobody else will compute the SHA-256."""
        how = self.settings.upload_check
        wanted = how == "readback" or (how == "auto" and not self.remote.hashing.is_offered)
        return wanted and self.remote.abilities.reads_along

    def _proven(self, parts: Parts) -> int:
        """How many bytes of an earlier upload are there that can be gone on from.

        The end is compared now, as what was on its way when it broke off lies there. All of it is
        compared after the rest was sent: some servers don't keep what a file had.
        """
        path = parts.archive
        size = self.remote.size(path)
        if size is None:
            return 0
        is_start = 0 < size <= self.archive.size and self._equal(path, max(0, size - _TAIL), size)
        if is_start and (size == self.archive.size or self._goes_on(path, size)):
            return size
        parts.clear(self.remote, self.checkpoint)
        return 0

    def _goes_on(self, path: str, size: int) -> bool:
        """Whether the server goes on with a file that was closed, rather than refuse or empty it.

        That is found out before the rest is sent: the last byte is written once more.
        """
        with self.archive.open(size - 1) as reader:
            last = reader.read(1)
        try:
            self.remote.write_at(path, size - 1, last)
        except LabferryError as error:
            if isinstance(error, FullError) or not is_answer(error):
                raise
            return False
        return self.remote.size(path) == size and self._equal(path, 0, min(size, _HEAD))

    def _still_holds(self, path: str, end: int) -> bool:
        """Whether the part that was there before is still the archive's, once the rest is sent."""
        return self._vouched(path, self.archive.size) or self._equal(path, 0, end)

    def _equal(self, path: str, start: int, end: int) -> bool:
        with (
            self.archive.open(start) as ours,
            io.BufferedReader(RemoteReader(Pieces(self.remote, path, start)), _CHUNK) as theirs,
        ):
            while start < end:
                chunk = theirs.read(min(_CHUNK, end - start))
                if not chunk or ours.read(len(chunk)) != chunk:
                    return False
                start += len(chunk)
        return True

    def _vouched(self, path: str, size: int) -> bool:
        """Whether the server itself says that a file of that size holds the archive's bytes."""
        found = self.remote.hashing.of(path, size)
        return bool(found) and all(self._sha256(begin, end) == each for begin, end, each in found)

    def _sha256(self, begin: int, end: int) -> str:
        """The SHA-256 of a part of the archive."""
        if (begin, end) == (0, self.archive.size):
            return self.archive.digests().sha256
        digest = hashlib.sha256()
        with self.archive.open(begin) as reader:
            while begin < end and (chunk := reader.read(min(_CHUNK, end - begin))):
                digest.update(chunk)
                begin += len(chunk)
        return digest.hexdigest()

    def _check(self, path: str, how: str, back: ReadBack | None = None) -> Checked | None:
        """How a file was found to hold the archive; None where it does not."""
        # The reader's end was reached, so the archive is verified and this does not wait.
        sha256, size = self.archive.digests().sha256, self.archive.size
        if self.remote.size(path) != size:
            return None
        if how == "size":
            return Checked.SIZE
        if how == "auto" and self._vouched(path, size):
            return Checked.STORE_CHECKSUM
        if back and back.sha256(size) == sha256:
            return Checked.READ_BACK
        return Checked.READ_BACK if sha256_of(self.remote, path) == sha256 else None

    def _adopt(self, place: str, committed: Manifest | None) -> Checked:
        """Make sure that what lies at the final name already is the archive."""
        self.archive.digests()
        self._require_same(committed)
        how = self.settings.upload_check
        checked = self._check(place, "readback" if committed is None and how == "size" else how)
        if checked is None and committed is None:
            raise ConflictError(
                f"{place} in {self.name} exists with other content; it was not touched.",
                hint="Move it away if labferry is to keep the archive there.",
            )
        if checked is None:
            raise self._damaged()
        return checked

    def _require_same(self, committed: Manifest | None) -> None:
        if committed is not None and committed.sha256 != self.archive.digests().sha256:
            raise self._damaged()

    def _damaged(self) -> IntegrityError:
        return IntegrityError(
            f"{self.archive.key} in {self.name} is not what was stored there.",
            hint="It was damaged or replaced since. Remove it there to store it anew.",
        )

    def _committed(self) -> Manifest | None:
        """The manifest that is there; one that can't be read commits nothing."""
        document = self.remote.read(self.remote.path(self.manifest.key))
        try:
            found = Manifest.from_json(document or b"", where=self.manifest.key)
        except InvalidAnswerError:
            return None
        if found.archive_id != self.archive.id:
            raise ConflictError(
                f"{self.archive.key} in {self.name} is the archive {found.archive_id}, not "
                f"{self.archive.id}; it was not touched."
            )
        return found

    def _commit(self, parts: Parts, document: bytes) -> None:
        place = self.remote.path(self.manifest.key)
        parts.clear(self.remote, self.checkpoint)
        path = parts.manifest
        send_small(self.remote, path, document)
        if self.remote.read(path) != document:
            raise IntegrityError(f"{path} in {self.name} does not hold what was written to it.")
        if self.remote.size(place) is None:
            self._publish(path, place)
        elif not self.remote.replace(path, place):  # of one that can't be read, see `_committed`
            self.remote.remove(place)
            self.remote.rename(path, place)

    def _publish(self, path: str, place: str, size: int = 0) -> None:
        """Give a file its final name. OpenSSH never overwrites in this; others are asked first."""
        try:
            if self.remote.size(place) is None:
                self.remote.rename(path, place, size)
                return
        except LabferryError:
            if self.remote.is_lost or self.remote.size(place) is None:
                raise
        raise ConflictError(f"{place} in {self.name} has appeared meanwhile; it was not touched.")
