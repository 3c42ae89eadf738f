"""A WebDAV share as a destination for labferry."""

from collections.abc import Sequence
from typing import Any

from webdav4.fsspec import WebdavFileSystem

from labferry.sdk import Secret, Sink, SinkSettings, hookimpl
from labferry.sdk.fsspec_sink import FsspecSink


class WebdavSettings(SinkSettings):
    """The keys of a destination of type `webdav`."""

    url: str
    """The share's address."""

    user: str
    """Who to log in as."""

    password: Secret
    """The user's password."""


class WebdavSink(FsspecSink[WebdavSettings]):
    """Keeps archives on a WebDAV share."""

    type = "webdav"
    Settings = WebdavSettings

    def connect(self) -> tuple[Any, str]:
        """Log in; archives are kept in the folder `labferry` of the share."""
        auth = (self.settings.user, self.settings.password.reveal())
        return WebdavFileSystem(self.settings.url, auth=auth, skip_instance_cache=True), "labferry"

    def disconnect(self, filesystem: Any) -> None:
        """Close the connections."""
        filesystem.client.http.close()


@hookimpl
def labferry_sinks() -> Sequence[type[Sink[Any]]]:
    """The destination type `webdav`."""
    return (WebdavSink,)
