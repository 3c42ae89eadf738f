"""Delivers archives encrypted, to the destinations that are to have them so."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import override

from labferry.encryption import Recipients, armoured, encrypt, seal_manifest
from labferry.ledger import Export
from labferry.sdk import (
    Archive,
    Checkpoint,
    ConflictError,
    Digests,
    JsonValue,
    Manifest,
    ManifestDraft,
    ManifestEncryption,
    NotFoundError,
    Receipt,
    RefusedError,
    Sink,
    StoredArchive,
)
from labferry.spool import AGE_SUFFIX, EncryptedArchive, FollowedArchive
from labferry.sync.context import RunContext
from labferry.sync.manifests import CopyManifest, manifest_of

_log = logging.getLogger(__name__)
_NOTED = "encrypted"
_CHUNK = 1 << 20
_DIGITS = 10
_LOOK = 1.0
"""Seconds between two questions whether to wait any longer."""

Send = Callable[[Sink[Any], Archive, ManifestDraft, Checkpoint], Receipt]


class _Note(BaseModel):
    """Which encrypted file was offered to a destination last; kept beside the sink's own note.

    Attributes:
        sha256: Its SHA-256.
        size: Its size.
        key: Under which key.
        replaces: Whether another one was offered before it.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    sha256: str
    size: int
    key: str
    replaces: bool


class EncryptedDelivery:
    """One archive on its way to one destination that has it encrypted.

    Every attempt offers the same bytes, as they are kept in the spool. Where they were lost, what
    they left at the destination is found out and dealt with first, as the new ones differ.

    Args:
        context: The run.
        destination: The destination's name.
        recipients: Who can decrypt what is stored there.
        export: The export.
        plain: Its archive.
        checkpoint: Where the sink keeps its note.
    """

    def __init__(
        self,
        context: RunContext,
        destination: str,
        recipients: Recipients,
        *,
        export: Export,
        plain: FollowedArchive,
        checkpoint: Checkpoint,
    ) -> None:
        self._context = context
        self._destination = destination
        self._recipients = recipients
        self._export = export
        self._plain = plain
        self._checkpoint = checkpoint
        self._made: EncryptedArchive | None = None

    def store(self, sink: Sink[Any], send: Send) -> Receipt:
        """Have it stored.

        Args:
            sink: The destination.
            send: Has an archive stored, and returns its receipt.

        Raises:
            LabferryError: As `Sink.store`, and where it can't be encrypted.
        """
        archive = self._made = self._made or self._encrypted()
        note = self._note()
        sha256 = archive.digests().sha256
        if note is not None and note.sha256 != sha256:
            stored = self._as_stored(archive, note)
            receipt = _committed(sink, stored)
            if receipt is not None:
                return receipt
            _remove_remains(sink, stored)
        if note is None or note.sha256 != sha256:
            note = self._save(archive, archive.key, replaces=note is not None)
        try:
            return self._send(sink, send, archive.at(note.key))
        except ConflictError:
            other = f"{self._plain.key}.{sha256[:_DIGITS]}{AGE_SUFFIX}"
            if not note.replaces or note.key == other:
                raise
            # Something of ours lies there that could not be removed.
            self._save(archive, other, replaces=True)
            return self._send(sink, send, archive.at(other))

    def _send(self, sink: Sink[Any], send: Send, archive: EncryptedArchive) -> Receipt:
        manifest = _EncryptedManifest(
            self._context,
            self._destination,
            self._export,
            archive,
            partial(self._describe, archive),
            needs_md5=sink.traits.needs_md5,
        )
        return send(sink, archive, manifest, _Beside(self._checkpoint))

    def _encrypted(self) -> EncryptedArchive:
        file = self._context.spool.encrypted(
            self._plain, self._recipients.digest, md5=self._context.needs_md5
        )
        with self._turn(file.lock):
            known = file.load()
            if known is not None:
                return known
            _log.info("%s: encrypting %s", self._destination, self._plain.id)
            return file.make(partial(encrypt, recipients=self._recipients), self._sealed)

    @contextmanager
    def _turn(self, lock: Lock) -> Iterator[None]:
        """Hold the lock of a file that destinations share: one encrypts while the others wait."""
        while not lock.acquire(timeout=_LOOK):
            self._plain.check_patience()
        try:
            yield
        finally:
            lock.release()

    def _sealed(self, digests: Digests) -> str:
        """The manifest of the plain archive, for the recipients only."""
        return armoured(self._plain_manifest(digests).to_json(), self._recipients)

    def _plain_manifest(self, digests: Digests) -> Manifest:
        return manifest_of(self._export, self._plain, replace(digests, md5=None))

    def _describe(self, archive: EncryptedArchive, digests: Digests) -> Manifest:
        return seal_manifest(
            self._plain_manifest(self._plain.digests()),
            file=archive.key.rpartition("/")[2],
            size=archive.size,
            digests=digests,
            encryption=ManifestEncryption(
                format="age", recipients=self._recipients.keys, sealed=archive.sealed
            ),
        )

    def _as_stored(self, archive: EncryptedArchive, note: _Note) -> StoredArchive:
        """What was offered before, as the destination would list it."""
        manifest = self._describe(archive.at(note.key), archive.digests())
        changed = {"size": note.size, "sha256": note.sha256}
        return StoredArchive(note.key, note.size, manifest.model_copy(update=changed))

    def _note(self) -> _Note | None:
        try:
            return _Note.model_validate(self._checkpoint.load().get(_NOTED))
        except ValidationError:
            return None

    def _save(self, archive: EncryptedArchive, key: str, *, replaces: bool) -> _Note:
        note = _Note(sha256=archive.digests().sha256, size=archive.size, key=key, replaces=replaces)
        self._checkpoint.save({**self._checkpoint.load(), _NOTED: note.model_dump()})
        return note


class _EncryptedManifest(CopyManifest):
    """As every copy's, but telling less."""

    def __init__(
        self,
        context: RunContext,
        destination: str,
        export: Export,
        archive: Archive,
        describe: Callable[[Digests], Manifest],
        *,
        needs_md5: bool,
    ) -> None:
        super().__init__(
            destination, export, archive, context.ledger, context.clock, needs_md5=needs_md5
        )
        self._describe = describe

    @override
    def describe(self, digests: Digests) -> Manifest:
        return self._describe(digests)


class _Beside(Checkpoint):
    """The sink's note, with ours beside it."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint

    @override
    def load(self) -> dict[str, JsonValue]:
        return {name: each for name, each in self._checkpoint.load().items() if name != _NOTED}

    @override
    def save(self, state: Mapping[str, JsonValue]) -> None:
        self._checkpoint.save({**state, _NOTED: self._checkpoint.load().get(_NOTED)})


def _committed(sink: Sink[Any], before: StoredArchive) -> Receipt | None:
    """The receipt of what was offered before, if it was committed and only the answer was lost."""
    wanted = before.manifest
    for stored in sink.list():
        found = stored.manifest
        if stored.key == before.key and found.archive_id == wanted.archive_id:
            if found.sha256 != wanted.sha256:
                return None
            checked = sink.quick_check(stored)
            return Receipt(
                destination=sink.name,
                archive_id=wanted.archive_id,
                key=stored.key,
                size=stored.size,
                checked=checked,
                version_id=stored.version_id,
            )
    return None


def _remove_remains(sink: Sink[Any], before: StoredArchive) -> None:
    """Remove what was offered before, if it is there, whole, and no manifest commits it.

    Nobody else has these bytes: encryption makes other ones every time.
    """
    try:
        with closing(sink.open(before)) as file:
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        if digest.hexdigest() == before.manifest.sha256:
            sink.delete(before)
            _log.info("%s: removed %s, which was not committed", sink.name, before.key)
    except NotFoundError:
        return
    except RefusedError as error:
        _log.info("%s: %s stays, uncommitted: %s", sink.name, before.key, error)
