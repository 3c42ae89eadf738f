"""The promises of a source as one pytest class."""

from labferry.testing.source.declared import DeclaredCases
from labferry.testing.source.discretion import DiscretionCases
from labferry.testing.source.downloading import DownloadingCases
from labferry.testing.source.examining import ExaminingCases
from labferry.testing.source.exporting import ExportingCases
from labferry.testing.source.failing import FailingCases
from labferry.testing.source.keeping import KeepingCases
from labferry.testing.source.planning import PlanningCases
from labferry.testing.source.preflight import PreflightCases

__all__ = ["SourceContract"]


class SourceContract(
    DeclaredCases,
    PlanningCases,
    ExportingCases,
    DownloadingCases,
    ExaminingCases,
    PreflightCases,
    DiscretionCases,
    FailingCases,
    KeepingCases,
):
    """Every promise of `labferry.sdk.source`, to be subclassed by the author of a source.

    ::

        class TestNotebookSource(SourceContract):
            source_class = NotebookSource
            secrets = ("alice-s3cr3t",)

            @pytest.fixture
            def server(self) -> Iterator[NotebookServer]:
                with NotebookServer() as server:
                    yield server

            def make_settings(self, server: NotebookServer) -> dict[str, JsonValue]:
                return {"type": "notebook", "url": server.url, "key": "alice-s3cr3t"}

            def count_exports(self, server: NotebookServer) -> int:
                return len(server.exports)

            def missing(self, server: NotebookServer) -> Missing:
                return Missing("999", f"{server.url}/jobs/999", f"{server.url}/files/none.zip")

    The fixture starts a server for each test, real or simulated, on which an export takes no
    more than moments. `ContractBase` lists what else can be declared.
    """
