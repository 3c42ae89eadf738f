"""What a `[sources.NAME]` table of type `rspace-inventory` holds."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from labferry_rspace.server_settings import ServerSettings

_ItemId = Annotated[str, Field(pattern=r"^(SA|SS|IT|IC|IN|NT|LM)[1-9][0-9]{0,18}$")]
_Name = Annotated[str, Field(min_length=1)]


class RSpaceInventorySettings(ServerSettings):
    """An RSpace server, and what to export from its Inventory."""

    type: Literal["rspace-inventory"]
    """Which kind of source this is."""

    users: tuple[_Name, ...] = ()
    """Whose items to export, by username. The default is the key's owner."""

    global_ids: tuple[_ItemId, ...] = ()
    """Items to export, by global id, such as SA123 or IC4, instead of a user's items."""

    export_mode: Literal["FULL", "COMPACT"] = "FULL"
    """Whether to export all details of an item, or only what a list shows."""

    result_file_type: Literal["ZIP", "SINGLE_CSV"] = "ZIP"
    """Whether to make a zip with a table for each kind of item, or one file for all."""

    include_container_content: bool = False
    """Whether to export the contents of containers too."""

    include_subsamples_in_sample: bool = True
    """Whether to export the subsamples of samples too."""

    @override
    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        if self.users and self.global_ids:
            yield "either users or global_ids, and not both"
