"""One store over a filesystem of fsspec's: write, make sure, publish, commit."""

import re
import secrets
from dataclasses import dataclass, field
from typing import Self

from labferry.sdk.archive import Archive, Checkpoint, ManifestDraft
from labferry.sdk.errors import ConflictError, IntegrityError, TransientError
from labferry.sdk.fsspec_tree import Tree
from labferry.sdk.manifest import Manifest

__all__ = ["UNFINISHED", "Parts", "Storing"]

UNFINISHED = re.compile(r"\.?labferry-[0-9a-f]{16}\.[a-z]+")
"""What the names of files look like that are still being written."""

_TOKEN = re.compile(r"[0-9a-f]{16}")
_NOTE = "part"
_COPYING = "copying"


@dataclass(frozen=True, slots=True)
class Parts:
    """The temporary names of one store, in the folder that its files will stay in.

    Short and made of a random token: any key has room for them, two stores never write to the same
    one, and no archive's name looks like one. They do not begin with a dot: drivers find out by a
    listing whether a file is there and how long it is, and FTP servers leave hidden files out.

    Attributes:
        folder: The folder.
        token: What is random in the names.
    """

    folder: str
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def noted(cls, folder: str, checkpoint: Checkpoint) -> Self | None:
        """Those of an earlier store of the same archive, if it noted any."""
        token = checkpoint.load().get(_NOTE)
        if isinstance(token, str) and _TOKEN.fullmatch(token):
            return cls(folder, token)
        return None

    def path(self, what: str) -> str:
        """The temporary name for something."""
        return f"{self.folder}/labferry-{self.token}.{what}"

    def discard(self, tree: Tree) -> None:
        """Remove what was written, as far as that is possible."""
        for what in ("archive", "manifest"):
            tree.discard(self.path(what))

    def discard_earlier(self, tree: Tree) -> None:
        """Remove what an earlier store left, also one of labferry 0.1, which hid its files."""
        self.discard(tree)
        for what in ("archive", "manifest"):
            tree.discard_unseen(f"{self.folder}/.labferry-{self.token}.{what}")


@dataclass
class Storing:
    """One call of `store`.

    Other stores may work on the same archive at the same time, on this machine or another one. So
    only temporary files of our own are ever removed, those that an earlier store noted in the
    checkpoint before it made them; and a final name that could not be published well is left
    alone: it may be another store's, and committed at any moment. Our own half copy is known by
    the checkpoint, too, and replaced by the next store.

    Attributes:
        tree: Where to.
        archive: What to store.
        manifest: What to store beside it.
        checkpoint: Where temporary names are noted, and that a copy was begun.
    """

    tree: Tree
    archive: Archive
    manifest: ManifestDraft
    checkpoint: Checkpoint

    def run(self) -> None:
        """Store it."""
        place = self.tree.path(self.archive.key)
        committed = self._committed()
        folder = place.rpartition("/")[0]
        self.tree.make_folder(folder)
        noted = Parts.noted(folder, self.checkpoint)
        if noted is not None:
            noted.discard_earlier(self.tree)
        parts = noted or Parts(folder)
        try:
            if self.tree.size(place) is None:
                self._upload(parts, place)
            else:
                self._adopt(parts, place, committed)
            if committed is None:
                self._commit(parts)
        except BaseException:
            parts.discard(self.tree)
            raise
        if self.checkpoint.load():
            self.checkpoint.save({})

    def _upload(self, parts: Parts, place: str) -> None:
        temporary = parts.path("archive")
        self.checkpoint.save({_NOTE: parts.token})
        with self.archive.open() as reader:
            self.tree.write(temporary, reader, self.archive.size)
        self._verify(temporary)
        if self.tree.size(place) is not None:
            raise ConflictError(f"{place} has appeared meanwhile; it was not touched.")
        if self.tree.renames:
            self.tree.move(temporary, place)
            return
        self.checkpoint.save({_NOTE: parts.token, _COPYING: self.archive.key})
        self.tree.move(temporary, place)
        self._verify(place)

    def _adopt(self, parts: Parts, place: str, committed: Manifest | None) -> None:
        """Make sure that what lies at the final name already is the archive."""
        sha256, size = self.archive.digests().sha256, self.tree.size(place)
        if committed is not None:
            if size != self.archive.size or committed.sha256 != sha256:
                raise IntegrityError(
                    f"{self.archive.key} in {self.tree.name} is not what was stored there.",
                    hint="It was damaged or replaced since. Remove it there to store it anew.",
                )
        elif size != self.archive.size or self.tree.sha256(place) != sha256:
            self._require_own_copy()
            self.tree.remove(place)
            self._upload(parts, place)

    def _require_own_copy(self) -> None:
        if self.checkpoint.load().get(_COPYING) != self.archive.key:
            raise ConflictError(
                f"{self.archive.key} in {self.tree.name} exists with other content and without a "
                "manifest; it was not touched.",
                hint="Move it away if labferry is to keep the archive there.",
            )
        if self._committed() is not None:
            raise TransientError(f"{self.archive.key} was stored by somebody else meanwhile.")

    def _commit(self, parts: Parts) -> None:
        place, temporary = self.tree.path(self.manifest.key), parts.path("manifest")
        self.checkpoint.save({**self.checkpoint.load(), _NOTE: parts.token})
        self.tree.write_document(temporary, self.manifest.seal())
        if self._committed() is None:
            self.tree.remove(place)  # one that can't be read commits nothing
            self.tree.move(temporary, place)
        else:  # by another store of the same archive
            self.tree.discard(temporary)
        if self.tree.size(self.tree.path(self.archive.key)) != self.archive.size:
            self.tree.remove(place)
            raise TransientError(
                f"{self.archive.key} in {self.tree.name} vanished while it was committed."
            )

    def _committed(self) -> Manifest | None:
        """The manifest that is there.

        Raises:
            ConflictError: It is another archive's.
        """
        found = self.tree.manifest(self.manifest.key)
        if found is not None and found.archive_id != self.archive.id:
            raise ConflictError(
                f"{self.archive.key} in {self.tree.name} is the archive {found.archive_id}, not "
                f"{self.archive.id}; it was not touched."
            )
        return found

    def _verify(self, path: str) -> None:
        # The reader's end was reached, so the archive is verified and this does not wait.
        if self.tree.sha256(path) != self.archive.digests().sha256:
            raise IntegrityError(
                f"{path} in {self.tree.name} does not hold what was written to it.",
                hint="The storage or the connection to it is at fault.",
            )
