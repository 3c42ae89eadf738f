"""What is in the bucket and is no committed archive: uploads, and objects that nobody knows."""

import logging
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from labferry.sdk import LabferryError, Stray, StrayKind, redact
from labferry.sdk.strays import Found, require_unfinished, strays_among
from labferry_s3.errors import ENDED, ExpectedError
from labferry_s3.objects import Objects

PROBE = "labferry-check"
"""The key of what a check writes; always the same, so that at most one stays."""

_log = logging.getLogger(__name__)
_PROBE = re.compile(re.escape(PROBE))
_OURS = re.compile(r"[^/]+/\d{4}/\d{8}T\d{6}Z-[^/]+")
_DEAD_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that was begun and not completed.

    Attributes:
        key: The whole key that the object would have.
        upload_id: The store's name for it.
        begun: When.
    """

    key: str
    upload_id: str
    begun: datetime

    @property
    def old(self) -> bool:
        """Whether it is older than anything that a run could still go on with."""
        return datetime.now(UTC) - self.begun > _DEAD_AFTER


def uploads_under(objects: Objects, prefix: str) -> Iterator[Upload]:
    """The uploads below the prefix whose keys are those of archives: nobody else's."""
    for upload in _listed(objects, prefix):
        if _OURS.fullmatch(upload.key.removeprefix(prefix)):
            yield upload


def uploads_of(objects: Objects, key: str) -> Iterator[Upload]:
    """The uploads of one archive."""
    full = objects.key(key)
    return (upload for upload in _listed(objects, full) if upload.key == full)


def remove(objects: Objects, uploads: Iterable[Upload]) -> int:
    """Remove uploads, and return how many there were."""
    count = 0
    for upload in uploads:
        count += 1
        _abort(objects, upload.key, upload.upload_id)
    return count


def remove_dead(objects: Objects, key: str) -> None:
    """Remove what is left of other attempts to upload an archive that is stored now.

    Not worth failing for: what stays is found by the next check.
    """
    try:
        remove(objects, uploads_of(objects, key))
    except LabferryError as error:
        _log.debug("Uploads of %s are not tidied up: %s", key, redact(str(error)))


def strays_of(
    objects: Objects, prefix: str, found: Iterable[Found], committed: Collection[str]
) -> Iterator[Stray]:
    """What is no committed archive.

    Args:
        objects: The bucket.
        prefix: What its keys begin with.
        found: All objects below the prefix.
        committed: The keys of committed archives.
    """
    for upload in _listed(objects, prefix):
        key = upload.key.removeprefix(prefix)
        kind = StrayKind.UNFINISHED if _OURS.fullmatch(key) else StrayKind.FOREIGN
        yield Stray(kind, key, since=upload.begun, token=upload.upload_id)
    yield from strays_among(found, committed, _PROBE)


def remove_stray(objects: Objects, prefix: str, stray: Stray) -> None:
    """Remove an unfinished upload, or what a check wrote."""
    if stray.token and stray.kind is StrayKind.UNFINISHED and _OURS.fullmatch(stray.key):
        _abort(objects, prefix + stray.key, stray.token)
    else:
        require_unfinished(stray, _PROBE)
        objects.remove(PROBE)


def _abort(objects: Objects, key: str, upload_id: str) -> None:
    with suppress(ExpectedError):
        objects.client.call("abort_multipart_upload", expect=ENDED, Key=key, UploadId=upload_id)


def _listed(objects: Objects, prefix: str) -> Iterator[Upload]:
    marker: dict[str, Any] = {}
    while True:
        answer = objects.client.call("list_multipart_uploads", Prefix=prefix, **marker)
        for each in answer.get("Uploads", ()):
            yield Upload(each["Key"], each["UploadId"], each["Initiated"])
        if not answer.get("IsTruncated"):
            return
        marker = {
            "KeyMarker": answer["NextKeyMarker"],
            "UploadIdMarker": answer["NextUploadIdMarker"],
        }
