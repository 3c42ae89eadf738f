from typing import ClassVar

import pytest

from labferry.sdk import JsonValue
from labferry.testing.sink import RawStorage, SinkContract
from labferry_s3 import S3Sink

from .bucket import Bucket
from .servers import Store, free_port


@pytest.mark.timeout(600)  # each killed process imports the client anew
class TestS3SinkOnCeph(SinkContract):
    sink_class = S3Sink
    resumes: ClassVar[bool] = True
    kill_points: ClassVar[int] = 6

    @pytest.fixture(name="storage")
    def storage_fixture(self, ceph_store: Store) -> RawStorage:
        return Bucket(ceph_store)

    def make_settings(self, storage: Bucket) -> dict[str, JsonValue]:
        return storage.settings()

    def broken_settings(self, storage: Bucket) -> dict[str, dict[str, JsonValue]]:
        return {
            "a bucket that does not exist": storage.settings(bucket="no-such-bucket-anywhere"),
            "an unknown key": storage.settings(access_key_id="nobody"),
            "a wrong secret": storage.settings(secret_access_key="wrong" * 5),
            "no server": storage.settings(
                endpoint_url=f"http://127.0.0.1:{free_port()}", retries=0
            ),
        }
