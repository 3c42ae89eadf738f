"""Finding every committed archive with few round trips."""

import logging
import posixpath
from collections.abc import Iterator

from labferry.sdk import (
    MANIFEST_SUFFIX,
    InvalidAnswerError,
    Manifest,
    StoredArchive,
    check_key,
)
from labferry_sftp.remote import Remote

__all__ = ["committed_archives"]

_log = logging.getLogger(__name__)
_BATCH = 64
_MANIFEST_LIMIT = 1 << 20


def committed_archives(remote: Remote) -> Iterator[StoredArchive]:
    """Every archive with a readable manifest beside it."""
    sizes = _sizes(remote)
    keys = [key for key in sorted(sizes) if _is_committed(key, sizes)]
    for begin in range(0, len(keys), _BATCH):
        batch = keys[begin : begin + _BATCH]
        documents = remote.read_all([remote.path(key + MANIFEST_SUFFIX) for key in batch])
        for key, document in zip(batch, documents, strict=True):
            manifest = _manifest(key, document)
            if manifest is not None:
                yield StoredArchive(key, sizes[key], manifest)


def _sizes(remote: Remote) -> dict[str, int]:
    """The size of every file below the root by its key, a level of folders at a time."""
    sizes: dict[str, int] = {}
    folders = [""]
    while folders:
        listed = remote.entries([remote.path(folder) for folder in folders])
        deeper = []
        for folder, entries in zip(folders, listed, strict=True):
            for entry in entries:
                key = posixpath.join(folder, entry.name)
                if entry.kind == "directory" and _is_key(key):
                    deeper.append(key)
                elif entry.kind == "file" and _is_key(key):
                    sizes[key] = entry.size
        folders = deeper
    return sizes


def _is_committed(key: str, sizes: dict[str, int]) -> bool:
    return 0 < sizes.get(key + MANIFEST_SUFFIX, 0) <= _MANIFEST_LIMIT


def _is_key(name: str) -> bool:
    try:
        check_key(name)
    except InvalidAnswerError:
        return False
    return True


def _manifest(key: str, document: bytes | None) -> Manifest | None:
    if document is None:  # deleted since it was listed
        return None
    try:
        return Manifest.from_json(document, where=key + MANIFEST_SUFFIX)
    except InvalidAnswerError as error:
        _log.warning("%s is left out: %s", key, error)
        return None
