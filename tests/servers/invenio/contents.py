"""The bytes of files: on disk, so that a big one does not need its size in memory."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkstemp

from tests.servers.invenio.body import PIECE


@dataclass(frozen=True)
class Content:
    """Stored bytes, their number and their MD5 in hexadecimal."""

    path: Path
    size: int
    md5: str

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` up to ``stop``."""
        with self.path.open("rb") as file:
            file.seek(start)
            while start < stop and (piece := file.read(min(PIECE, stop - start))):
                start += len(piece)
                yield piece


class Contents:
    """Keeps contents in a temporary folder until the server stops."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="labferry-invenio-")

    def store(self, pieces: Iterable[bytes]) -> Content:
        """Write pieces to a file; if they raise, nothing is left."""
        handle, name = mkstemp(dir=self._folder.name)
        path, digest, size = Path(name), hashlib.md5(usedforsecurity=False), 0
        try:
            with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                for piece in pieces:
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
        except BaseException:
            path.unlink()
            raise
        return Content(path, size, digest.hexdigest())

    def close(self) -> None:
        """Delete everything."""
        self._folder.cleanup()
