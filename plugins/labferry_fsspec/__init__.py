"""Any filesystem that fsspec knows as a destination for labferry."""

from collections.abc import Sequence
from typing import Any

from labferry.sdk import Sink, hookimpl
from labferry_fsspec.settings import FsspecSettings
from labferry_fsspec.sink import UrlSink

__all__ = ["FsspecSettings", "UrlSink", "labferry_sinks"]


@hookimpl
def labferry_sinks() -> Sequence[type[Sink[Any]]]:
    """The destination type `fsspec`."""
    return (UrlSink,)
