"""Exports from eLabFTW: https://www.elabftw.net."""

from collections.abc import Sequence
from typing import Any

from labferry.sdk import Source, hookimpl
from labferry_elabftw.settings import ElabftwSettings
from labferry_elabftw.source import ElabftwSource

__all__ = ["ElabftwSettings", "ElabftwSource", "labferry_sources"]


@hookimpl
def labferry_sources() -> Sequence[type[Source[Any]]]:
    """The kind of source that the plugin offers."""
    return (ElabftwSource,)
