"""Single objects: what the store says of them, reading, writing and removing them."""

import io
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from labferry.sdk import MANIFEST_SUFFIX, InvalidAnswerError, RefusedError, check_key
from labferry_s3.answers import Answer, etag_of, size_of, version_of
from labferry_s3.body import Body
from labferry_s3.client import StoreClient
from labferry_s3.digests import PartDigest, crc32_text, parse_crc32
from labferry_s3.errors import ABSENT, DENIED, ExpectedError
from labferry_s3.reading import RangeReader
from labferry_s3.settings import CustomerKey, S3Settings

_UNEXPLAINED = frozenset({"301", "302", "307", "308", "400", "401", "405"})
"""How HEAD is refused: its answers have no room for words that say why."""

_BUFFER = 1 << 20
_MANIFEST_LIMIT = (1 << 20) + 1


@dataclass(frozen=True, slots=True)
class ObjectState:
    """What a store says of an object.

    Attributes:
        key: Its key, without the prefix.
        size: Its size in bytes.
        etag: Its ETag, without quotes; empty if the store names none.
        crc32: The CRC-32 of all of it, where the store computes one.
        version_id: Its version, where the bucket keeps versions.
        metadata: What was written with it.
        head: All the rest; empty where it may only be listed, not asked for.
    """

    key: str
    size: int
    etag: str
    crc32: int | None = None
    version_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    head: Answer = field(default_factory=dict, repr=False)


class Objects:
    """The objects below the prefix of a bucket. Keys are given without the prefix.

    Args:
        client: The store.
        settings: The bucket's prefix and the customer's key.
    """

    def __init__(self, client: StoreClient, settings: S3Settings) -> None:
        self.client = client
        self._settings = settings

    def key(self, key: str) -> str:
        """The whole key, prefix and all.

        Raises:
            InvalidAnswerError: It is not made of plain safe names.
        """
        return self._settings.prefix + check_key(key)

    @property
    def customer_key(self) -> dict[str, Any]:
        """What each request about content needs where the customer keeps the key."""
        if isinstance(self._settings.sse, CustomerKey):
            return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": self._settings.sse.key()}
        return {}

    def state(self, key: str) -> ObjectState | None:
        """What the store says of an object; None where there is none.

        Asking for an object's properties takes the permission to read it. Who may only write and
        list gets less, but enough. Where the store refuses without a word, listing says why.
        """
        try:
            head = self.client.call(
                "head_object",
                expect=ABSENT | DENIED | _UNEXPLAINED,
                options={"ChecksumMode": "ENABLED"},
                Key=self.key(key),
                **self.customer_key,
            )
        except ExpectedError as error:
            return None if error.code in ABSENT else self._listed(key)
        size = size_of(head, "ContentLength")
        if size is None:
            listed = self._listed(key)
            if listed is None:
                raise InvalidAnswerError(
                    f"{self.client.url}{key} is there, but the store does not say how large it is."
                )
            size = listed.size
        return ObjectState(
            key,
            size,
            etag_of(head),
            parse_crc32(head.get("ChecksumCRC32")),
            version_of(head),
            head.get("Metadata", {}),
            head,
        )

    def put(
        self, key: str, data: bytes, parameters: dict[str, Any], *, overwrite: bool = False
    ) -> Answer:
        """Write an object in one request, unless there is one already.

        Args:
            key: Its key.
            data: Its content.
            parameters: What else to say: protection and metadata.
            overwrite: Whether to write it even so.

        Raises:
            ConflictError: There is one already.
        """
        digest = PartDigest.of(data)
        parameters = {
            "Key": self.key(key),
            "ContentMD5": digest.content_md5,
            **self.customer_key,
            **parameters,
        }
        options = {"ChecksumCRC32": crc32_text(digest.crc32)}
        if not overwrite:
            options["IfNoneMatch"] = "*"
        return self.client.call("put_object", options=options, Body=self._body(data), **parameters)

    def open(self, key: str, offset: int = 0, version_id: str | None = None) -> BinaryIO:
        """An object's bytes, from an offset on."""
        parameters = {"Key": self.key(key), **self.customer_key}
        if version_id is not None:
            parameters["VersionId"] = version_id
        raw = RangeReader(self.client, parameters, offset, self._settings.retries)
        return cast("BinaryIO", io.BufferedReader(raw, _BUFFER))

    def read_manifest(self, key: str) -> bytes:
        """The manifest beside an archive; cut short where it is too large for one."""
        with self.open(key + MANIFEST_SUFFIX) as file:
            return file.read(_MANIFEST_LIMIT)

    def holds(self, state: ObjectState, data: bytes) -> bool:
        """Whether a small object has this content."""
        if state.etag == PartDigest.of(data).etag:
            return True
        try:
            with self.open(state.key) as file:
                return file.read(len(data) + 1) == data
        except RefusedError:
            return False

    def remove(self, key: str, version_id: str | None = None) -> None:
        """Remove an object; with versions, it is only hidden unless one of them is named."""
        version: dict[str, Any] = {} if version_id is None else {"VersionId": version_id}
        self.client.call("delete_object", Key=self.key(key), **version)

    def _body(self, data: bytes) -> Body:
        return Body(data, self.client.pacer)

    def _listed(self, key: str) -> ObjectState | None:
        full = self.key(key)
        answer = self.client.call("list_objects_v2", Prefix=full, MaxKeys=1)
        for each in answer.get("Contents", ()):
            size = size_of(each)
            if each.get("Key") == full and size is not None:
                return ObjectState(key, size, etag_of(each))
        return None
