"""What is in the bucket and is no committed archive: uploads, and objects that nobody knows."""

import logging
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from labferry.sdk import LabferryError, Stray, StrayKind, redact
from labferry.sdk.strays import Found, require_unfinished, strays_among
from labferry_s3.answers import moment_of
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
        begun: When; None if the store does not say.
    """

    key: str
    upload_id: str
    begun: datetime | None

    @property
    def old(self) -> bool:
        """Whether it is older than anything that a run could still go on with."""
        return self.begun is not None and datetime.now(UTC) - self.begun > _DEAD_AFTER


def uploads_under(objects: Objects, prefix: str) -> Sequence[Upload] | None:
    """The uploads below the prefix whose keys are those of archives: nobody else's.

    Returns:
        None if the store does not list uploads.
    """
    listed = _listed(objects, prefix)
    if listed is None:
        return None
    return [each for each in listed if _OURS.fullmatch(each.key.removeprefix(prefix))]


def remove(objects: Objects, uploads: Iterable[Upload]) -> int:
    """Remove uploads, and return how many there were."""
    count = 0
    for upload in uploads:
        count += 1
        _abort(objects, upload.key, upload.upload_id)
    return count


def remove_dead(objects: Objects, key: str) -> None:
    """Remove what is left of other attempts to upload an archive that is stored now.

    Not worth failing for, nor waiting: what stays is found by the next check.
    """
    full = objects.key(key)
    try:
        listed = _listed(objects, full, repeat=False) or ()
        remove(objects, [upload for upload in listed if upload.key == full])
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
    for upload in _listed(objects, prefix) or ():
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


def _listed(objects: Objects, prefix: str, *, repeat: bool = True) -> Sequence[Upload] | None:
    found: dict[tuple[str, str], Upload] = {}
    marker: dict[str, Any] = {}
    while True:
        answer = objects.client.ask(
            "list_multipart_uploads", repeat=repeat, Prefix=prefix, **marker
        )
        if answer is None:
            return None
        before = len(found)
        for each in answer.get("Uploads", ()):
            key, upload_id = str(each.get("Key", "")), str(each.get("UploadId", ""))
            # Not every store keeps to the prefix that it is asked for.
            if upload_id and key.startswith(prefix):
                found[key, upload_id] = Upload(key, upload_id, moment_of(each, "Initiated"))
        if not answer.get("IsTruncated") or len(found) == before:
            return list(found.values())
        marker = {
            name: answer[f"Next{name}"]
            for name in ("KeyMarker", "UploadIdMarker")
            if answer.get(f"Next{name}")
        }
