"""What a check finds out: whether archives can be stored as they are meant to."""

import hashlib
import secrets
from collections.abc import Iterator

from labferry.sdk import Finding, IntegrityError, RefusedError, Severity
from labferry.sdk.http_address import is_exposed
from labferry_zenodo.address import is_zenodo
from labferry_zenodo.model import Record
from labferry_zenodo.records import Records
from labferry_zenodo.settings import ZenodoSettings

_NAME = "labferry-check"
_IDENTIFIER = "labferry:check"


def findings(settings: ZenodoSettings, records: Records) -> Iterator[Finding]:
    """Make a draft as for an archive, send it a small file, read it back, and delete it all.

    Raises:
        LabferryError: What a store would meet.
    """
    records.page(size=1)
    yield Finding(Severity.OK, f"{settings.url} knows the token.")
    yield from _remarks(settings)
    record, wrong = records.create(_document(settings))
    try:
        yield from _shortcomings(settings, records.draft(record.id) or record, wrong)
        _try_file(records, record)
    finally:
        records.discard(record.id)
    yield Finding(
        Severity.OK,
        "A draft with the configured metadata and access could be made, filled, read back and "
        "deleted.",
    )


def _document(settings: ZenodoSettings) -> dict[str, object]:
    metadata = settings.metadata.document(_NAME, _NAME, settings.publisher)
    metadata["title"] = "labferry check, may be deleted"
    metadata["identifiers"] = [{"identifier": _IDENTIFIER, "scheme": "other"}]
    access = settings.access.model_dump()
    return {"metadata": metadata, "access": access, "files": {"enabled": True}}


def _remarks(settings: ZenodoSettings) -> Iterator[Finding]:
    if is_exposed(settings.url):
        yield Finding(
            Severity.WARNING,
            "The token and the archives cross the network unencrypted: use https.",
        )
    if is_zenodo(settings.url):
        yield Finding(
            Severity.WARNING,
            "Zenodo is for research outputs, not for private backups: keep others elsewhere.",
        )
    if settings.publish:
        yield Finding(
            Severity.WARNING,
            "Records are published, which can't be undone: titles, creators and identifiers are "
            "public for ever.",
        )


def _shortcomings(settings: ZenodoSettings, record: Record, wrong: list[str]) -> Iterator[Finding]:
    if not record.grants(settings.access):
        raise RefusedError(
            f"{settings.url} does not give a draft the access that is asked for: "
            f"{settings.access.model_dump()}."
        )
    mistakes = [each for each in wrong if not each.startswith("files")]
    if mistakes:
        raise RefusedError(
            f"{settings.url} does not accept the metadata: {'; '.join(mistakes)}.",
            hint="Correct the destination's metadata.",
        )
    if settings.access.record == "restricted":
        yield Finding(Severity.OK, "Restricted records are possible here. They get no DOI.")


def _try_file(records: Records, record: Record) -> None:
    content = secrets.token_bytes(32)
    records.register(record, _NAME)
    records.upload(record, _NAME, len(content), iter((content,)))
    records.commit(record, _NAME)
    entry = records.file(record, _NAME)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if entry is None or entry.md5 != md5 or records.read(record, _NAME, len(content)) != content:
        raise IntegrityError(f"The draft {record.id} does not hold what was just sent to it.")
