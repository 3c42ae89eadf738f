"""Uploads that nobody will finish: found among everybody's, and removed when certainly dead."""

import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from labferry.sdk import LabferryError, redact
from labferry_s3.errors import ENDED, ExpectedError
from labferry_s3.objects import Objects

__all__ = ["Stray", "remove", "remove_dead", "uploads_of", "uploads_under"]

_log = logging.getLogger(__name__)
_OURS = re.compile(r"[^/]+/\d{4}/\d{8}T\d{6}Z-[^/]+")
_DEAD_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Stray:
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


def uploads_under(objects: Objects, prefix: str) -> Iterator[Stray]:
    """The uploads below the prefix whose keys are those of archives: nobody else's."""
    for stray in _listed(objects, prefix):
        if _OURS.fullmatch(stray.key.removeprefix(prefix)):
            yield stray


def uploads_of(objects: Objects, key: str) -> Iterator[Stray]:
    """The uploads of one archive."""
    full = objects.key(key)
    return (stray for stray in _listed(objects, full) if stray.key == full)


def remove(objects: Objects, strays: Iterator[Stray]) -> int:
    """Remove uploads, and return how many there were."""
    count = 0
    for stray in strays:
        count += 1
        with suppress(ExpectedError):
            objects.client.call(
                "abort_multipart_upload", expect=ENDED, Key=stray.key, UploadId=stray.upload_id
            )
    return count


def remove_dead(objects: Objects, key: str) -> None:
    """Remove what is left of other attempts to upload an archive that is stored now.

    Not worth failing for: what stays is found by the next check.
    """
    try:
        remove(objects, uploads_of(objects, key))
    except LabferryError as error:
        _log.debug("Uploads of %s are not tidied up: %s", key, redact(str(error)))


def _listed(objects: Objects, prefix: str) -> Iterator[Stray]:
    marker: dict[str, Any] = {}
    while True:
        answer = objects.client.call("list_multipart_uploads", Prefix=prefix, **marker)
        for each in answer.get("Uploads", ()):
            yield Stray(each["Key"], each["UploadId"], each["Initiated"])
        if not answer.get("IsTruncated"):
            return
        marker = {
            "KeyMarker": answer["NextKeyMarker"],
            "UploadIdMarker": answer["NextUploadIdMarker"],
        }
