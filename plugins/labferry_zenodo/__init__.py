"""Zenodo and every InvenioRDM as a destination for labferry."""

from collections.abc import Sequence
from typing import Any

from labferry.sdk import Sink, hookimpl
from labferry_zenodo.settings import ZenodoSettings
from labferry_zenodo.sink import ZenodoSink

__all__ = ["ZenodoSettings", "ZenodoSink", "labferry_sinks"]


@hookimpl
def labferry_sinks() -> Sequence[type[Sink[Any]]]:
    """The destination type `zenodo`."""
    return (ZenodoSink,)
