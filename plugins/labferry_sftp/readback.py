"""Reading back what was written, from the first byte to the last, and hashing it."""

import hashlib
from typing import Self

from labferry.sdk import LabferryError, TransientError
from labferry_sftp.problems import is_answer
from labferry_sftp.remote import Remote
from labferry_sftp.transfer import Pieces


def sha256_of(remote: Remote, path: str) -> str:
    """The SHA-256 of a file, every byte of it fetched."""
    digest = hashlib.sha256()
    with Pieces(remote, path) as pieces:
        pieces.end = pieces.size()
        while piece := pieces.next_piece():
            digest.update(piece)
    return digest.hexdigest()


class ReadBack:
    """Reads a file back while it is still being written: a line carries both ways at once.

    The file is opened once more for that. A server that refuses this, or shows the bytes only once
    the file is closed, says nothing against the archive: then the file is to be read afterwards.

    Args:
        remote: Where.
        path: The file.
    """

    def __init__(self, remote: Remote, path: str) -> None:
        self._remote = remote
        self._path = path
        self._digest = hashlib.sha256()
        self._pieces: Pieces | None = None
        self._refused = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pieces is not None:
            self._pieces.close()

    def follow(self, end: int) -> None:
        """Go on to where the file was written to; take what has come, and wait for none of it."""
        self._unless_refused(end, waiting=False)

    def sha256(self, size: int) -> str | None:
        """Wait for the rest; the SHA-256 of so many bytes, or None where the server refuses."""
        self._unless_refused(size, waiting=True)
        return None if self._refused else self._digest.hexdigest()

    def _unless_refused(self, end: int, *, waiting: bool) -> None:
        if self._refused:
            return
        try:
            self._go_on(end, waiting=waiting)
        except LabferryError as error:
            if isinstance(error, TransientError) and not is_answer(error):
                raise  # the line is at fault
            self._refused = True
            # Servers that store a file when it is closed let the request wait for that.
            self._remote.abilities.reads_along = False

    def _go_on(self, end: int, *, waiting: bool) -> None:
        if self._pieces is None:
            self._pieces = Pieces(self._remote, self._path)
        self._pieces.end = end
        while self._pieces.ask() and (waiting or self._pieces.has_come):
            self._digest.update(self._pieces.next_piece())
