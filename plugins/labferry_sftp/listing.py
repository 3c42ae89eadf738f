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
from labferry.sdk.keys import is_key
from labferry.sdk.strays import Found
from labferry_sftp.remote import Remote

_log = logging.getLogger(__name__)
_BATCH = 64
_MANIFEST_LIMIT = 1 << 20


def committed_archives(remote: Remote) -> Iterator[StoredArchive]:
    """Every archive with a readable manifest beside it."""
    found = (each for each in everything(remote) if each.is_file and is_key(each.key))
    sizes = {each.key: each.size or 0 for each in found}
    keys = [key for key in sorted(sizes) if _is_committed(key, sizes)]
    for begin in range(0, len(keys), _BATCH):
        batch = keys[begin : begin + _BATCH]
        documents = remote.read_all([remote.path(key + MANIFEST_SUFFIX) for key in batch])
        for key, document in zip(batch, documents, strict=True):
            manifest = _manifest(key, document)
            if manifest is not None:
                yield StoredArchive(key, sizes[key], manifest)


def committed_archive(remote: Remote, key: str) -> StoredArchive | None:
    """One archive, if there is a readable manifest beside it."""
    path = remote.path(check_key(key))
    size = remote.size(path)
    document = None if size is None else remote.read(path + MANIFEST_SUFFIX)
    manifest = _manifest(key, document)
    return None if size is None or manifest is None else StoredArchive(key, size, manifest)


def everything(remote: Remote) -> Iterator[Found]:
    """Every file below the root, a level of folders at a time.

    Of folders that no key can lie in, they themselves.
    """
    folders = [""]
    while folders:
        listed = remote.entries([remote.path(folder) for folder in folders])
        deeper = []
        for folder, entries in zip(folders, listed, strict=True):
            for entry in entries:
                key = posixpath.join(folder, entry.name)
                if entry.kind == "directory" and is_key(key):
                    deeper.append(key)
                else:
                    yield Found(key, entry.size, entry.changed, entry.kind == "file")
        folders = deeper


def _is_committed(key: str, sizes: dict[str, int]) -> bool:
    return 0 < sizes.get(key + MANIFEST_SUFFIX, 0) <= _MANIFEST_LIMIT


def _manifest(key: str, document: bytes | None) -> Manifest | None:
    if document is None:  # or deleted since it was listed
        return None
    try:
        return Manifest.from_json(document, where=key + MANIFEST_SUFFIX)
    except InvalidAnswerError as error:
        _log.warning("%s is left out: %s", key, error)
        return None
