"""What a check finds out: whether archives can be stored, and how well they are kept."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from labferry.sdk import (
    Finding,
    HeldError,
    IntegrityError,
    LabferryError,
    RefusedError,
    Severity,
)
from labferry_s3.answers import Answer, date_of, version_of
from labferry_s3.client import StoreClient
from labferry_s3.errors import ExpectedError
from labferry_s3.objects import Objects
from labferry_s3.protection import ensure_protection, write_parameters
from labferry_s3.settings import S3Settings
from labferry_s3.strays import PROBE, Upload, remove, uploads_under

_CONTENT = b"labferry wrote this to find out whether it can. It may be removed.\n"
_SKEW_SECONDS = 60
_NOT_THERE = frozenset(
    {
        "404",
        "NoSuchLifecycleConfiguration",
        "NoSuchObjectLockConfiguration",
        "ObjectLockConfigurationNotFoundError",
        "501",
        "NotImplemented",
        "MethodNotAllowed",
    }
)


class Preflight:
    """One check of one bucket.

    Args:
        client: The store.
        objects: Its objects.
        settings: What is wanted.
    """

    def __init__(self, client: StoreClient, objects: Objects, settings: S3Settings) -> None:
        self._client = client
        self._objects = objects
        self._settings = settings
        # A probe is removed again, and read at once.
        self._unlocked = settings.model_copy(update={"object_lock": None, "storage_class": None})

    def findings(self) -> Iterator[Finding]:
        """Everything worth reporting.

        Raises:
            LabferryError: Archives can't be stored.
        """
        answer = self._client.call("list_objects_v2", Prefix=self._settings.prefix, MaxKeys=1)
        yield from _clock(answer)
        yield from self._probe()
        for part in (self._versions, self._lock, self._lifecycle, self._strays, self._buckets):
            yield from self._if_allowed(part)

    def _probe(self) -> Iterator[Finding]:
        """Write, read and remove a small object; always the same, so that at most one stays."""
        try:
            answer = self._objects.put(
                PROBE, _CONTENT, write_parameters(self._unlocked), overwrite=True
            )
        except HeldError:
            yield Finding(
                Severity.OK,
                f"The store still protects the object {PROBE} that an earlier check wrote, so it "
                "was not written again.",
            )
            yield self._read_back()
            return
        try:
            yield Finding(Severity.OK, f"{self._client.url} can be written.")
            yield self._read_back()
            self._verify(answer)
        finally:
            removed = self._remove(version_of(answer))
        yield removed

    def _read_back(self) -> Finding:
        try:
            with self._objects.open(PROBE) as file:
                content = file.read()
        except RefusedError:
            return Finding(
                Severity.OK,
                "These credentials may not read, which is fine for a host that only writes; "
                "to verify, restore and prune, use others.",
            )
        if content != _CONTENT:
            raise IntegrityError(f"{self._client.url}{PROBE} does not hold what was written to it.")
        return Finding(Severity.OK, f"{self._client.url} can be read back.")

    def _verify(self, answer: Answer) -> None:
        state = self._objects.state(PROBE)
        if state is not None:
            ensure_protection(self._unlocked, self._objects, state, answer)

    def _remove(self, version: str | None) -> Finding:
        try:
            if version is not None and self._removed(version):
                return Finding(
                    Severity.WARNING,
                    "These credentials may remove versions for good, so versioning does not "
                    "protect archives from whoever takes over this host; a host that only writes "
                    "needs neither s3:DeleteObject nor s3:DeleteObjectVersion.",
                )
            self._objects.remove(PROBE)
        except HeldError:
            return Finding(
                Severity.OK,
                f"The store protects what is written to it; the object {PROBE} stays until that "
                "ends. Retention keeps archives as long.",
            )
        except RefusedError:
            return Finding(
                Severity.OK,
                "These credentials may not delete, which is right for a host that only writes; "
                f"the object {PROBE} stays. Retention needs others.",
            )
        return Finding(
            Severity.OK,
            "These credentials may delete. Retention needs that; a host that only writes does not.",
        )

    def _removed(self, version: str) -> bool:
        try:
            self._objects.remove(PROBE, version)
        except HeldError:
            raise
        except RefusedError:
            return False
        return True

    def _versions(self) -> Iterator[Finding]:
        answer = self._client.call("get_bucket_versioning")
        on = answer.get("Status") == "Enabled"
        what = "keeps" if on else "does not keep"
        yield Finding(Severity.OK, f"The bucket {what} earlier versions of objects.")

    def _lock(self) -> Iterator[Finding]:
        answer = self._or_nothing("get_object_lock_configuration").get(
            "ObjectLockConfiguration", {}
        )
        if answer.get("ObjectLockEnabled") == "Enabled":
            default = answer.get("Rule", {}).get("DefaultRetention")
            yield Finding(
                Severity.OK,
                "The bucket has object lock"
                + (f", {_retention(default)} by default." if default else "."),
            )
        elif self._settings.object_lock:
            yield Finding(
                Severity.ERROR,
                "object_lock is set, but the bucket was made without object lock: make another "
                "bucket with it, or remove the setting.",
            )
        else:
            yield Finding(Severity.OK, "The bucket has no object lock.")

    def _lifecycle(self) -> Iterator[Finding]:
        rules = self._or_nothing("get_bucket_lifecycle_configuration").get("Rules", ())
        if any("AbortIncompleteMultipartUpload" in rule for rule in rules if _is_on(rule)):
            yield Finding(Severity.OK, "A lifecycle rule removes uploads that nobody finishes.")
        else:
            yield Finding(
                Severity.WARNING,
                "No lifecycle rule removes uploads that nobody finishes: add one with "
                "AbortIncompleteMultipartUpload, after 7 days or more.",
            )

    def _strays(self) -> Iterator[Finding]:
        uploads = uploads_under(self._objects, self._settings.prefix)
        if uploads is None:
            yield Finding(
                Severity.OK,
                "The store does not list unfinished uploads, so labferry can't remove those that "
                "nobody goes on with.",
            )
            return
        dead = [upload for upload in uploads if self._is_dead(upload)]
        if dead:
            count = remove(self._objects, dead)
            yield Finding(
                Severity.OK, f"Removed {count} unfinished upload(s) that nobody can go on with."
            )
        if left := len(uploads) - len(dead):
            known = [upload.begun for upload in uploads if upload.begun and upload not in dead]
            since = f", the oldest of {min(known):%Y-%m-%d %H:%M} UTC" if known else ""
            yield Finding(
                Severity.OK,
                f"There are {left} unfinished upload(s){since}; the next run goes on with them, or "
                "they are removed after 7 days.",
            )

    def _is_dead(self, upload: Upload) -> bool:
        key = upload.key.removeprefix(self._settings.prefix)
        return upload.old or self._objects.state(key) is not None

    def _buckets(self) -> Iterator[Finding]:
        if self._client.call("list_buckets").get("Buckets"):
            yield Finding(
                Severity.OK,
                "These credentials may list all buckets of the account, which labferry does not "
                "need.",
            )

    def _or_nothing(self, operation: str) -> Answer:
        try:
            return self._client.call(operation, expect=_NOT_THERE)
        except ExpectedError:
            return {}

    def _if_allowed(self, part: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
        """What the store does not say is no failure: none of it is needed to store an archive."""
        try:
            yield from part()
        except LabferryError as error:
            if part != self._buckets:
                yield Finding(Severity.OK, f"Not known: {error.message}")


def _clock(answer: Answer) -> Iterator[Finding]:
    date = date_of(answer)
    if date is None:
        return
    skew = (datetime.now(UTC) - date).total_seconds()
    if abs(skew) > _SKEW_SECONDS:
        yield Finding(
            Severity.WARNING,
            f"This machine's clock differs by {abs(skew):.0f} s from the store's; at 15 minutes "
            "nothing works any more. Set it, best by NTP.",
        )


def _is_on(rule: dict[str, Any]) -> bool:
    return rule.get("Status") == "Enabled"


def _retention(default: dict[str, Any]) -> str:
    length = f"{default['Days']} days" if "Days" in default else f"{default.get('Years')} years"
    return f"{str(default.get('Mode', '')).lower()} for {length}"
