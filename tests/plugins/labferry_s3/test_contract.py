"""The contract on servers that differ: what comes as a wheel is there on every machine."""

from typing import ClassVar

import pytest
from tests.servers.processes import free_port
from tests.servers.s3_store import Store

from labferry.sdk import JsonValue
from labferry.testing.sink import RawStorage, SinkContract
from labferry_s3 import S3Sink

from .bucket import Bucket


@pytest.mark.timeout(600)  # each killed process imports the client anew
class S3Contract(SinkContract):
    __test__ = False

    sink_class = S3Sink
    resumes: ClassVar[bool] = True
    kill_points: ClassVar[int] = 4
    big_size: ClassVar[int] = 96 << 20

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


class TestS3SinkOnSeaweedFS(S3Contract):
    __test__ = True

    @pytest.fixture(name="storage")
    def storage_fixture(self, seaweedfs_store: Store) -> RawStorage:
        return Bucket(seaweedfs_store)

    def broken_settings(self, storage: Bucket) -> dict[str, dict[str, JsonValue]]:
        """Without the missing bucket: SeaweedFS makes one when something is first written to it."""
        broken = super().broken_settings(storage)
        return {what: settings for what, settings in broken.items() if "bucket" not in what}


class TestS3SinkOnRclone(S3Contract):
    __test__ = True

    @pytest.fixture(name="storage")
    def storage_fixture(self, rclone_store: Store) -> RawStorage:
        return Bucket(rclone_store)


class TestS3SinkOnCeph(S3Contract):
    __test__ = True

    kill_points: ClassVar[int] = 6
    big_size: ClassVar[int] = 256 << 20

    @pytest.fixture(name="storage")
    def storage_fixture(self, ceph_store: Store) -> RawStorage:
        return Bucket(ceph_store)
