"""The objects below the prefix, with their versions where there are any."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labferry_s3.client import Answer, StoreClient
from labferry_s3.errors import DENIED, ExpectedError
from labferry_s3.objects import UNSUPPORTED, version_of

_NO_VERSIONS = DENIED | UNSUPPORTED | {"405", "MethodNotAllowed"}


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as it is listed.

    Attributes:
        key: Its key, without the prefix.
        size: Its size in bytes.
        changed: When it was written.
        version_id: Its version, where the bucket keeps versions and they may be listed.
    """

    key: str
    size: int
    changed: datetime
    version_id: str | None


def listed_objects(client: StoreClient, prefix: str) -> Iterator[Listed]:
    """The objects that are visible below a prefix, sorted by key.

    With their versions where the credentials may list versions, and else without.
    """
    try:
        first = client.call("list_object_versions", expect=_NO_VERSIONS, Prefix=prefix)
    except ExpectedError:
        yield from _plain(client, prefix)
    else:
        yield from _with_versions(client, prefix, first)


def _with_versions(client: StoreClient, prefix: str, answer: Answer) -> Iterator[Listed]:
    while True:
        for each in answer.get("Versions", ()):
            if each["IsLatest"]:
                yield _object(each, prefix)
        if not answer.get("IsTruncated"):
            return
        marker = {name: answer[f"Next{name}"] for name in ("KeyMarker", "VersionIdMarker")}
        answer = client.call("list_object_versions", Prefix=prefix, **marker)


def _plain(client: StoreClient, prefix: str) -> Iterator[Listed]:
    marker: dict[str, Any] = {}
    while True:
        answer = client.call("list_objects_v2", Prefix=prefix, **marker)
        for each in answer.get("Contents", ()):
            yield _object(each, prefix)
        if not answer.get("IsTruncated"):
            return
        marker = {"ContinuationToken": answer["NextContinuationToken"]}


def _object(told: dict[str, Any], prefix: str) -> Listed:
    key = str(told["Key"]).removeprefix(prefix)
    return Listed(key, int(told["Size"]), told["LastModified"], version_of(told))
