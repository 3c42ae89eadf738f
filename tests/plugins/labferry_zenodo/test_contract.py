"""The conformance suite: drafts on a plain InvenioRDM, and published records."""

from typing import ClassVar

import pytest

from labferry.sdk import ConflictError, JsonValue, SinkTraits
from labferry.testing.samples.documents import SampleManifest
from labferry.testing.sink import RawStorage, SinkContract
from labferry_zenodo import ZenodoSink

from .account import METADATA, Account
from .conftest import StartServer


class TestDrafts(SinkContract):
    sink_class = ZenodoSink
    kill_points: ClassVar[int] = 12

    @pytest.fixture(name="storage")
    def storage_fixture(self, start_server: StartServer) -> RawStorage:
        return Account(start_server())

    def make_settings(self, storage: Account) -> dict[str, JsonValue]:
        return storage.settings()

    def broken_settings(self, storage: Account) -> dict[str, dict[str, JsonValue]]:
        return {
            "a wrong token": storage.settings(token="wrong"),
            "a token of two lines": storage.settings(token="one\ntwo"),
            "no server": storage.settings(url="http://127.0.0.1:9"),
            "an unknown licence": storage.settings(metadata={**METADATA, "licence": "beerware"}),
            "a place that is no server": storage.settings(url=f"{storage.server.url}/elsewhere"),
        }


class PublishingSink(ZenodoSink):
    """As the sink is where it publishes, told by the class for the suite."""

    traits = SinkTraits(can_delete=False, needs_md5=True)


class TestPublished(TestDrafts):
    sink_class = PublishingSink
    kill_points: ClassVar[int] = 6
    big_size: ClassVar[int] = 64 << 20

    def make_settings(self, storage: Account) -> dict[str, JsonValue]:
        return storage.settings(publish=True)

    @pytest.fixture(autouse=True)
    def _no_patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Killed while publishing, it is asked for again at once."""
        monkeypatch.setattr("labferry_zenodo.publishing._UNCLEAR_SECONDS", 0.0)

    def test_missing_manifest_is_added(self) -> None:
        """What is published can't be completed: whoever took it away is told of."""
        self._assert_conflict(SampleManifest(self.archive()).key)

    def test_missing_archive_is_added(self) -> None:
        """As above."""
        self._assert_conflict(self.archive().key)

    def _assert_conflict(self, removed: str) -> None:
        archive = self.archive()
        self.store(archive)
        self.raw.remove(removed)
        before = self.raw.names()
        with pytest.raises(ConflictError):
            self.store(archive)
        assert self.raw.names() == before
