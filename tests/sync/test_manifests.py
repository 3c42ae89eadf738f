"""The manifest of each copy: the same bytes for ever, and a link in its destination's chain."""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labferry.ledger import Delivery, DeliveryState, Export, Ledger
from labferry.lifecycle import ExportJob, Phase
from labferry.sdk import (
    Checked,
    DownloadCheck,
    Manifest,
    Names,
    Offer,
    Receipt,
    Secret,
    StateError,
)
from labferry.spool import Declared, SpoolArchive
from labferry.sync.context import RunContext
from labferry.sync.export_task import ExportTask
from labferry.sync.manifests import CopyManifest, manifest_of

MakeWork = Callable[..., ExportTask]
MakeArchive = Callable[..., tuple[Export, SpoolArchive]]

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONTENT = b"an archive"


@pytest.fixture
def made(context: RunContext, work: MakeWork) -> Iterator[MakeArchive]:
    """Verified archives in the spool, each of an export of its own."""
    archives: list[SpoolArchive] = []

    def make(job: str = "9", series: str = "group 23") -> tuple[Export, SpoolArchive]:
        offer = Offer("https://eln/9.zip", len(CONTENT), zlib.crc32(CONTENT))
        state = ExportJob(Phase.VERIFIED, MOMENT, job, completed_at=MOMENT, offer=offer)
        export = work("alice@eln", series=series, job=state).export
        context.ledger.save(export)
        declared = Declared(
            *(export.archive_id or "", "chem", export.archive_key or ""),
            *(len(CONTENT), zlib.crc32(CONTENT)),
        )
        archive = context.spool.open(declared, md5=True)
        archives.append(archive)
        archive.write(0, CONTENT)
        archive.verify()
        return export, archive

    yield make
    for archive in archives:
        archive.close()


def draft(
    context: RunContext,
    made: tuple[Export, SpoolArchive],
    destination: str = "nas",
    ledger: Ledger | None = None,
    *,
    needs_md5: bool = False,
) -> CopyManifest:
    return CopyManifest(
        *(destination, *made, ledger or context.ledger, context.clock), needs_md5=needs_md5
    )


def commit(context: RunContext, made: tuple[Export, SpoolArchive], where: str = "nas") -> None:
    export, archive = made
    context.ledger.expect(export.id, [where])
    receipt = Receipt(where, archive.id, archive.key, archive.size, Checked.READ_BACK)
    context.ledger.save_delivery(Delivery(export.id, where, DeliveryState.STORED, receipt=receipt))


def read(document: bytes) -> Manifest:
    return Manifest.from_json(document, where="x")


def test_manifest_says_all_about_its_archive(context: RunContext, made: MakeArchive) -> None:
    export, archive = one = made()
    manifest = read(draft(context, one).seal())
    assert draft(context, one).key == archive.key + ".manifest.json"
    assert manifest.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert (manifest.archive_id, manifest.file) == (archive.id, archive.key.split("/")[-1])
    assert (manifest.crc32, manifest.size) == (f"{zlib.crc32(CONTENT):08x}", len(CONTENT))
    assert (manifest.job.id, manifest.job.submitted) == ("9", MOMENT)
    assert (manifest.source.name, manifest.source.series) == ("chem", export.request.series)
    assert (manifest.md5, manifest.previous, manifest.encryption) == (None, None, None)


def test_manifest_says_whose_work_it_is(context: RunContext, made: MakeArchive) -> None:
    export, archive = made()
    assert read(draft(context, (export, archive)).seal()).source.names is None
    names = Names("alice", "Alice\nArcher", "x" * 300)
    named = replace(export, request=replace(export.request, names=names))
    manifest = read(draft(context, (named, archive), "offsite").seal())
    assert str(manifest.names) == f"Alice Archer (alice), {'x' * 254}…"


def test_manifest_says_nothing_of_what_is_not_known(context: RunContext, made: MakeArchive) -> None:
    document = json.loads(draft(context, made()).seal())
    assert {*document}.isdisjoint({"md5", "previous", "encryption"})
    assert None not in document.values()


def test_manifest_says_how_the_download_was_checked(context: RunContext, made: MakeArchive) -> None:
    export, archive = made()
    checked = replace(export, job=replace(export.job, check=DownloadCheck.DECLARED_SIZE))
    manifest = read(draft(context, (checked, archive)).seal())
    assert manifest.download_check is DownloadCheck.DECLARED_SIZE


@pytest.mark.parametrize("missing", ["submitted_at", "completed_at"])
def test_archive_without_a_time_has_no_manifest(
    context: RunContext, made: MakeArchive, missing: str
) -> None:
    export, archive = made()
    job = replace(export.job, **{missing: None})  # type: ignore[arg-type] # one of its times
    with pytest.raises(StateError, match=f"does not say when {archive.id} was made"):
        manifest_of(replace(export, job=job), archive, archive.digests())


def test_md5_is_told_where_the_destination_needs_it(context: RunContext, made: MakeArchive) -> None:
    one = made()
    manifest = read(draft(context, one, "zenodo", needs_md5=True).seal())
    assert manifest.md5 == hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def test_manifest_names_the_one_committed_before_it(context: RunContext, made: MakeArchive) -> None:
    first, second, third = made("1"), made("2"), made("3")
    before = None
    for each in (first, second, third):
        document = draft(context, each).seal()
        assert read(document).previous == before
        commit(context, each)
        before = hashlib.sha256(document).hexdigest()


def test_each_destination_has_a_chain_of_its_own(context: RunContext, made: MakeArchive) -> None:
    first, second = made("1"), made("2")
    draft(context, first, "nas").seal()
    commit(context, first, "nas")
    assert read(draft(context, second, "nas").seal()).previous is not None
    assert read(draft(context, second, "offsite").seal()).previous is None


def test_what_was_sealed_stays_so_whatever_is_committed_meanwhile(
    context: RunContext, made: MakeArchive, tmp_path: Path
) -> None:
    first, second = made("1"), made("2")
    document = draft(context, first).seal()
    assert read(draft(context, second).seal()).previous is None
    commit(context, second)
    assert draft(context, first).seal() == document
    later = Ledger(tmp_path / "ledger.db")
    assert draft(context, first, ledger=later).seal() == document
    later.close()


def test_key_in_a_request_is_blotted_out(context: RunContext, made: MakeArchive) -> None:
    Secret.plain("s3cr3t-t0k3n-f0r-all")
    document = draft(context, made(series="by s3cr3t-t0k3n-f0r-all")).seal()
    assert b"s3cr3t" not in document
    assert read(document).source.series == "by ***"


@pytest.mark.shows_secrets("words that could be names are stored as they are")
@pytest.mark.parametrize("password", ["user", "chem", "chemistry", "user chemistry-group"])
def test_password_that_is_a_common_word_changes_no_record(
    password: str, context: RunContext, made: MakeArchive
) -> None:
    Secret.plain(password)
    assert read(draft(context, made(series="user chemistry-group")).seal()).source.series == (
        "user chemistry-group"
    )
