"""The export files a server holds, and when they vanish (ArchiveRemover)."""

import math
import threading
from dataclasses import dataclass, field

from labferry.testing.rspace.archives import Archive
from labferry.testing.rspace.jobs import Job


@dataclass
class StoredFile:
    """A finished file. ``job`` is None for the Inventory's, which are there at once."""

    name: str
    archive: Archive
    created: float
    job: Job | None
    on_s3: bool
    expired: bool = False

    @property
    def etag(self) -> str:
        """As S3 gives it to an object that came in several parts."""
        return f'"{self.archive.crc32:08x}{self.archive.size:024x}-2"'


@dataclass
class Files:
    """All files, by name."""

    _files: dict[str, StoredFile] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, file: StoredFile) -> None:
        """Keep a file."""
        with self._lock:
            self._files[file.name] = file

    def expire(self, name: str) -> None:
        """Delete a file now.

        Raises:
            KeyError: There is no such file.
        """
        self._files[name].expired = True

    def find(self, name: str, now: float) -> StoredFile | None:
        """A file that is there: written to its end, and not deleted."""
        file = self._files.get(name)
        if file is None or file.expired or (file.job is not None and not file.job.completed(now)):
            return None
        return file

    def sweep(self, now: float, keep: float, every: float) -> None:
        """Delete what is older than ``keep``, at the server's multiples of ``every``.

        It counts from the file's creation, whatever expiryDate a poll said. The Inventory's files
        and the objects on S3 are never deleted.
        """
        with self._lock:
            for file in self._files.values():
                gone = math.ceil((file.created + keep) / every) * every
                if file.job is not None and not file.on_s3 and now >= gone:
                    file.expired = True
