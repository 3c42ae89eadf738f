"""A folder on a disk of this machine as a destination for labferry."""

from collections.abc import Sequence
from typing import Any

from labferry.sdk import Sink, hookimpl
from labferry_local.sink import LocalSettings, LocalSink

__all__ = ["LocalSettings", "LocalSink", "labferry_sinks"]


@hookimpl
def labferry_sinks() -> Sequence[type[Sink[Any]]]:
    """The destination type `local`."""
    return (LocalSink,)
