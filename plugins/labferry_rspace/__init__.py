"""Exports from RSpace: https://www.researchspace.com."""

from collections.abc import Sequence
from typing import Any

from labferry.sdk import Source, hookimpl
from labferry_rspace.inventory_settings import RSpaceInventorySettings
from labferry_rspace.inventory_source import RSpaceInventorySource
from labferry_rspace.settings import RSpaceSettings
from labferry_rspace.source import RSpaceSource

__all__ = [
    "RSpaceInventorySettings",
    "RSpaceInventorySource",
    "RSpaceSettings",
    "RSpaceSource",
    "labferry_sources",
]


@hookimpl
def labferry_sources() -> Sequence[type[Source[Any]]]:
    """The kinds of source that the plugin offers."""
    return (RSpaceSource, RSpaceInventorySource)
