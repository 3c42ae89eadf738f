"""The same contract on a store that checks CRC-32s and conditions."""

from contextlib import suppress
from typing import ClassVar

import pytest
from botocore.exceptions import ResponseStreamingError
from tests.servers.s3_store import Store
from typing_extensions import override

from labferry.sdk import JsonValue
from labferry.testing.sink import RawStorage, SinkContract
from labferry_s3 import S3Sink

from .bucket import Bucket


@pytest.mark.timeout(600)  # each killed process imports the client anew
class TestS3SinkOnLocalStack(SinkContract):
    sink_class = S3Sink
    resumes: ClassVar[bool] = True
    kill_points: ClassVar[int] = 4
    big_size: ClassVar[int] = 96 << 20

    @pytest.fixture(name="storage")
    def storage_fixture(self, localstack_store: Store) -> RawStorage:
        return Bucket(localstack_store)

    def make_settings(self, storage: Bucket) -> dict[str, JsonValue]:
        return storage.settings()

    @override
    def test_the_same_archive_twice_at_a_time(self) -> None:
        # Rarely, LocalStack can't give back all of what two completions at once left under a key.
        # That is its store's flaw and no verdict on the sink; Ceph has to pass without this.
        with suppress(ResponseStreamingError):
            super().test_the_same_archive_twice_at_a_time()
