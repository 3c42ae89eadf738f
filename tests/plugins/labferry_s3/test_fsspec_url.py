"""The same store through `type = "fsspec"` and s3fs: for storages without a type of their own."""

from typing import ClassVar

import pytest
from tests.servers.processes import free_port
from tests.servers.s3_store import Store
from typing_extensions import override

from labferry.sdk import JsonValue
from labferry.testing.sink import RawStorage
from labferry.testing.sink.deleting import DeletingCases
from labferry.testing.sink.preflight import PreflightCases
from labferry.testing.sink.retrying import RetryingCases
from labferry.testing.sink.side_by_side import SideBySideCases
from labferry_fsspec import UrlSink

from .bucket import PREFIX, Bucket


class Visible(Bucket):
    """What can be seen of a bucket; uploads that were killed are not, and s3fs leaves them."""

    @override
    def uploads(self) -> list[str]:
        return []

    def table(self, **options: JsonValue) -> dict[str, JsonValue]:
        plain: dict[str, JsonValue] = {
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            "retries": {"total_max_attempts": 1},
        }
        return {
            "type": "fsspec",
            "url": f"s3://{self.name}/{PREFIX}",
            "options": {
                "key": self.store.access_key,
                "secret": self.store.secret_key,
                "endpoint_url": self.store.url,
                "client_kwargs": {"region_name": "us-east-1"},
                "config_kwargs": plain,
                **options,
            },
        }


class TestS3UrlOnCeph(RetryingCases, SideBySideCases, DeletingCases, PreflightCases):
    """A part of the contract, as the client takes long to begin; the whole is for the type s3."""

    sink_class = UrlSink
    interrupted_size: ClassVar[int] = (6 << 20) + 7

    @pytest.fixture(name="storage")
    def storage_fixture(self, ceph_store: Store) -> RawStorage:
        return Visible(ceph_store)

    def make_settings(self, storage: Visible) -> dict[str, JsonValue]:
        return storage.table()

    def broken_settings(self, storage: Visible) -> dict[str, dict[str, JsonValue]]:
        return {
            "an unknown key": storage.table(key="nobody"),
            "a wrong secret": storage.table(secret="wrong" * 5),
            "no server": storage.table(endpoint_url=f"http://127.0.0.1:{free_port()}"),
        }
