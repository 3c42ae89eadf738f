"""The source: one RSpace server, what to export from it, and the keys to do it with."""

from typing import TYPE_CHECKING

from typing_extensions import override

from labferry_rspace.server import ServerSource
from labferry_rspace.settings import RSpaceSettings

if TYPE_CHECKING:
    from labferry_rspace.notebook import NotebookSession


class RSpaceSource(ServerSource[RSpaceSettings]):
    """Exports of an RSpace electronic lab notebook."""

    type = "rspace"
    Settings = RSpaceSettings
    _session: "NotebookSession"

    @override
    def _begin(self) -> "NotebookSession":
        from labferry_rspace.notebook import NotebookSession  # noqa: PLC0415 - see `ServerSource`

        return NotebookSession(self.name, self.settings)
