"""The objects below the prefix, with their versions if there are any.

What is there is what ListObjectsV2 says. Stores differ in how they list versions: some cut that
list short and call it complete, some ignore the request, some mark no version as the latest. So
versions only add to what is there which version it is, and where that is not certain, they don't.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from labferry.sdk import InvalidAnswerError, LabferryError
from labferry_s3.answers import Answer, etag_of, moment_of, size_of, version_of
from labferry_s3.client import StoreClient
from labferry_s3.errors import DENIED, UNKNOWN

_EXACTNESS = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as it is listed.

    Attributes:
        key: Its key, without the prefix.
        size: Its size in bytes.
        changed: When it was written; None if the store does not say.
        etag: Its ETag, without quotes; empty if the store names none.
        version_id: Its version, if the bucket keeps versions and they may be listed.
    """

    key: str
    size: int
    changed: datetime | None
    etag: str
    version_id: str | None = None


def listed_objects(client: StoreClient, prefix: str) -> Sequence[Listed]:
    """The objects that are visible below a prefix, sorted by key.

    With their versions if the credentials may list versions, and else without.

    Raises:
        InvalidAnswerError: The store does not list all there is.
    """
    found = {
        each.key: each
        for answer in _pages(client, prefix)
        for each in _objects(answer.get("Contents", ()), prefix)
    }
    if not found:
        return ()
    versions = defaultdict[str, list[Mapping[str, Any]]](list)
    for each in _listed_versions(client, prefix):
        versions[str(each.get("Key", "")).removeprefix(prefix)].append(each)
    return [
        replace(each, version_id=_visible(each, versions.get(key, ())))
        for key, each in sorted(found.items())
    ]


def _pages(client: StoreClient, prefix: str) -> Iterator[Answer]:
    """All of a list; one that a store leaves unfinished is no list of what is there."""
    operation, last = "list_objects_v2", ""
    marker: dict[str, Any] = {}
    while True:
        answer = client.call(operation, Prefix=prefix, **marker)
        yield answer
        if not answer.get("IsTruncated"):
            return
        before, last = (
            last,
            max((str(each["Key"]) for each in answer.get("Contents", ())), default=""),
        )
        if last <= before:
            raise InvalidAnswerError(
                f"{client.url} is not listed to its end: the store repeats a part of the list."
            )
        if token := answer.get("NextContinuationToken"):
            marker = {"ContinuationToken": token}
        else:
            # A store that takes the request for one of the first version of the protocol.
            operation, marker = "list_objects", {"Marker": str(answer.get("NextMarker") or last)}


def _objects(listed: Sequence[Mapping[str, Any]], prefix: str) -> Iterator[Listed]:
    for each in listed:
        key, size = str(each["Key"]).removeprefix(prefix), size_of(each)
        # Some stores list the folders that they make; none of them is an object of anybody.
        if key and size is not None and not key.endswith("/"):
            yield Listed(key, size, moment_of(each), etag_of(each))


def _listed_versions(client: StoreClient, prefix: str) -> Iterator[Mapping[str, Any]]:
    """As many versions as the store lists; nothing more once it repeats itself."""
    marker: dict[str, Any] = {}
    seen: set[tuple[str | None, str | None]] = set()
    while True:
        try:
            answer = client.ask(
                "list_object_versions", unknown=DENIED | UNKNOWN, Prefix=prefix, **marker
            )
        except LabferryError:
            # What is there is known already.
            return
        if answer is None:
            return
        yield from answer.get("Versions", ())
        marker = {
            name: str(answer[f"Next{name}"])
            for name in ("KeyMarker", "VersionIdMarker")
            if answer.get(f"Next{name}")
        }
        place = (marker.get("KeyMarker"), marker.get("VersionIdMarker"))
        if not answer.get("IsTruncated") or not marker or place in seen:
            return
        seen.add(place)


def _visible(found: Listed, versions: Sequence[Mapping[str, Any]]) -> str | None:
    """Which of its versions an object is; None if that is not certain."""
    same = [each for each in versions if _is_same(found, each)]
    latest = [each for each in same if each.get("IsLatest")]
    (only,) = latest if len(latest) == 1 else same if len(same) == 1 else (None,)
    return None if only is None else version_of(only)


def _is_same(found: Listed, version: Mapping[str, Any]) -> bool:
    if (size_of(version), etag_of(version)) != (found.size, found.etag):
        return False
    written = moment_of(version)
    # One list may be more exact than the other.
    return written is None or found.changed is None or abs(written - found.changed) < _EXACTNESS
