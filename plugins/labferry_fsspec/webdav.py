"""What webdav4's filesystem does less well than its client.

Its `mv` copies and deletes, and its files are held back on this machine until they are closed;
the client moves in one request, and streams.
"""

import time
from contextlib import suppress
from typing import Any

from labferry.sdk.fsspec_files import Following

_CHUNK = 1 << 20
_MOMENTS = 20
_MOMENT = 0.05


class _Started:
    """An archive whose first piece was read already."""

    def __init__(self, archive: Following) -> None:
        self._first = archive.read(_CHUNK)
        self._archive = archive

    def read(self, size: int = -1, /) -> bytes:
        first, self._first = self._first, b""
        return first or self._archive.read(size)


def upload(filesystem: Any, path: str, archive: Following, size: int) -> None:  # noqa: ANN401 - webdav4 is not typed
    """Stream an archive; nothing is sent before its first bytes are there."""
    started = _Started(archive)
    try:
        filesystem.client.upload_fileobj(
            started, path, overwrite=True, chunk_size=_CHUNK, size=size
        )
    except BaseException:
        with suppress(Exception):
            _wait_until_visible(filesystem, path)
        raise


def _wait_until_visible(filesystem: Any, path: str) -> None:  # noqa: ANN401 - webdav4 is not typed
    """Let a server that has just lost an upload make the file, so that it can be removed."""
    for _ in range(_MOMENTS):
        if filesystem.exists(path):
            return
        time.sleep(_MOMENT)


def move(filesystem: Any, source: str, target: str) -> None:  # noqa: ANN401 - webdav4 is not typed
    """Rename a file, never onto another one."""
    filesystem.client.move(source, target, overwrite=False)


def close(filesystem: Any) -> None:  # noqa: ANN401 - webdav4 is not typed
    """Close the connections."""
    filesystem.client.http.close()
