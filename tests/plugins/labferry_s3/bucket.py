"""A bucket seen without the sink."""

import uuid
from contextlib import suppress
from functools import cache, cached_property
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.servers.s3_store import Store
from typing_extensions import override

from labferry.sdk import JsonValue
from labferry.testing.sink import RawStorage

PREFIX = "backups/lab/"
PART = 5 << 20


@cache
def client(store: Store) -> Any:  # noqa: ANN401 - made at run time from a description
    return botocore.session.get_session().create_client(
        "s3",
        endpoint_url=store.url,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
        region_name="us-east-1",
        config=Config(
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"},
        ),
    )


class Bucket(RawStorage):
    """A new bucket; names are relative to the prefix that the sink uses.

    Args:
        store: Where to make it.
        options: What to make it with.
    """

    def __init__(self, store: Store, **options: bool) -> None:
        self.store = store
        self.name = f"lab-{uuid.uuid4()}"
        self.client.create_bucket(Bucket=self.name, **options)

    @cached_property
    def client(self) -> Any:  # noqa: ANN401 - as above
        return client(self.store)

    def settings(self, **more: JsonValue) -> dict[str, JsonValue]:
        """The table of a destination that keeps its archives here."""
        return {
            "type": "s3",
            "bucket": self.name,
            "prefix": PREFIX,
            "endpoint_url": self.store.url,
            "region": "us-east-1",
            "access_key_id": self.store.access_key,
            "secret_access_key": self.store.secret_key,
            "part_size": PART,
            "timeout": "30s",
            **more,
        }

    @override
    def names(self) -> dict[str, int]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {
            each["Key"].removeprefix(PREFIX): each["Size"]
            for page in pages
            for each in page.get("Contents", ())
        } | {f"unfinished upload {name}": 0 for name in self.uploads()}

    def uploads(self) -> list[str]:
        """The keys of uploads that are not completed; none if the store does not list them."""
        try:
            answer = self.client.list_multipart_uploads(Bucket=self.name)
        except self.client.exceptions.NoSuchUpload:
            return []
        return [each["Key"].removeprefix(PREFIX) for each in answer.get("Uploads", ())]

    @override
    def read(self, name: str) -> bytes:
        data: bytes = self.client.get_object(Bucket=self.name, Key=PREFIX + name)["Body"].read()
        return data

    @override
    def write(self, name: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=PREFIX + name, Body=data)

    @override
    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=PREFIX + name)

    def head(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.head_object(Bucket=self.name, Key=PREFIX + name)
        return answer

    def discard(self) -> None:
        """Remove it with all that is in it, as far as that is possible."""
        with suppress(ClientError):
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name):
                for each in page.get("Contents", ()):
                    self.client.delete_object(Bucket=self.name, Key=each["Key"])
            self.client.delete_bucket(Bucket=self.name)
