"""The sink that a URL makes."""

from typing import Any

from typing_extensions import override

from labferry.sdk.fsspec_files import FileSystem, Following
from labferry.sdk.fsspec_sink import FsspecSink
from labferry_fsspec import webdav
from labferry_fsspec.settings import FsspecSettings, revealed

# Filesystems whose `mv` is one rename on the server, by their source. That of WebDAV's client is
# one, too, and does not overwrite: see `webdav`.
_RENAMING = {"ftp", "sftp", "ssh", "smb"}
_WEBDAV = {"webdav", "dav"}
# The driver sends its block in one request; servers end the connection at 256 KiB or so.
_OWN_BLOCKS = {"sftp", "ssh"}


class UrlSink(FsspecSink[FsspecSettings]):
    """Keeps archives in whatever filesystem a URL names."""

    type = "fsspec"
    Settings = FsspecSettings

    def __init__(self, name: str, settings: FsspecSettings) -> None:
        super().__init__(name, settings)
        protocol = settings.url.partition("://")[0]
        self._is_webdav = protocol in _WEBDAV
        if protocol in _OWN_BLOCKS:
            self.block_size = None
        self.renames = "::" not in settings.url and protocol in _RENAMING | _WEBDAV

    @override
    def connect(self) -> tuple[FileSystem, str]:
        from fsspec.core import (  # noqa: PLC0415 - as in `drivers`
            url_to_fs,
        )

        options = revealed(self.settings.options)
        if self._is_webdav and isinstance(options.get("auth"), list):
            options["auth"] = tuple(options["auth"])  # TOML has no pairs, httpx wants one
        filesystem, path = url_to_fs(self.settings.url, skip_instance_cache=True, **options)
        return filesystem, "/".join(filter(None, [path.rstrip("/"), self.settings.prefix]))

    @override
    def disconnect(self, filesystem: Any) -> None:
        if self._is_webdav:
            webdav.close(filesystem)

    @override
    def rename(self, filesystem: Any, source: str, target: str) -> None:
        if self._is_webdav:
            webdav.move(filesystem, source, target)
        else:
            super().rename(filesystem, source, target)

    @override
    def write(self, filesystem: Any, path: str, archive: Following, size: int) -> None:
        if self._is_webdav:
            webdav.upload(filesystem, path, archive, size)
        else:
            super().write(filesystem, path, archive, size)
