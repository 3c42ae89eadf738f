"""The promises of a sink as one pytest class."""

from labferry.testing.sink.declared import DeclaredCases
from labferry.testing.sink.deleting import DeletingCases
from labferry.testing.sink.killed import KilledCases
from labferry.testing.sink.listing import ListingCases
from labferry.testing.sink.preflight import PreflightCases
from labferry.testing.sink.publishing import PublishingCases
from labferry.testing.sink.retrying import RetryingCases
from labferry.testing.sink.side_by_side import SideBySideCases
from labferry.testing.sink.storing import StoringCases
from labferry.testing.sink.strays import StrayCases

__all__ = ["SinkContract"]


class SinkContract(
    DeclaredCases,
    StoringCases,
    PublishingCases,
    RetryingCases,
    KilledCases,
    SideBySideCases,
    ListingCases,
    DeletingCases,
    StrayCases,
    PreflightCases,
):
    """Every promise of `labferry.sdk.sink`, to be subclassed by the author of a sink.

    ::

        class TestFolderSink(SinkContract):
            sink_class = FolderSink

            @pytest.fixture
            def storage(self, tmp_path: Path) -> FolderStorage:
                return FolderStorage(tmp_path / "storage")

            def make_settings(self, storage: FolderStorage) -> dict[str, JsonValue]:
                return {"type": "folder", "path": str(storage.root)}

    The fixture makes an empty storage for each test. Where its files don't lie in a folder that
    the test can reach, write a `RawStorage` of your own. `ContractBase` lists what else can be
    declared. Cases that the declarations exclude (resuming, deleting) turn round: they show that
    the sink does not do it either.
    """
