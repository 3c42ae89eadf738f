"""An SFTP server as a destination for labferry."""

from collections.abc import Sequence
from typing import Any

from labferry.sdk import Sink, hookimpl
from labferry_sftp.settings import SftpSettings
from labferry_sftp.sink import SftpSink

__all__ = ["SftpSettings", "SftpSink", "labferry_sinks"]


@hookimpl
def labferry_sinks() -> Sequence[type[Sink[Any]]]:
    """The destination type `sftp`."""
    return (SftpSink,)
