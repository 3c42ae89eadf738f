"""The source of Inventory exports."""

from typing import TYPE_CHECKING

from typing_extensions import override

from labferry_rspace.inventory_settings import RSpaceInventorySettings
from labferry_rspace.server import ServerSource

if TYPE_CHECKING:
    from labferry_rspace.inventory_session import InventorySession


class RSpaceInventorySource(ServerSource[RSpaceInventorySettings]):
    """Exports of an RSpace Inventory."""

    type = "rspace-inventory"
    Settings = RSpaceInventorySettings
    _session: "InventorySession"

    @override
    def _begin(self) -> "InventorySession":
        from labferry_rspace.inventory_session import (  # noqa: PLC0415 - see `ServerSource`
            InventorySession,
        )

        return InventorySession(self.name, self.settings)
