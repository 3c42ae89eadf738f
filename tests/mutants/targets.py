"""The modules in which faults are planted, and the tests that ought to notice.

The tests are those that run the code in their own process: what a test starts as a process of its
own runs the code without faults. Of a sink they are its whole folder, but for what starts processes
or takes long.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Modules that are looked at together.

    Attributes:
        modules: Their files, below the folder of the packages; `*` stands for anything.
        tests: Files or folders of tests.
        left_out: Words of pytest's `-k` that leave out tests that would not notice, or take long.
        needs_s3: Whether the tests talk to SeaweedFS, which is then started once.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    left_out: str = ""
    needs_s3: bool = False


_SLOW_CASES = "not killed and not big_archive and not memory and not side_by_side"
_ON_SEAWEEDFS = "not localstack and not ceph and not rclone"

TARGETS = {
    "retention": Target(
        ("labferry/retention/*.py", "labferry/sync/retention_*.py"),
        ("tests/retention",),
        "not killed",
    ),
    "lifecycle": Target(("labferry/lifecycle/*.py",), ("tests/lifecycle",)),
    "spool": Target(("labferry/spool/*.py",), ("tests/spool", "tests/encryption/test_spool.py")),
    "manifests": Target(
        ("labferry/sdk/manifest.py", "labferry/sync/manifests.py"),
        (
            "tests/sdk/test_manifest.py",
            "tests/sdk/test_hostile_manifests.py",
            "tests/sync/test_manifests.py",
        ),
    ),
    "redaction": Target(("labferry/sdk/secrets.py",), ("tests/sdk/test_secrets.py",)),
    "ledger": Target(("labferry/ledger/*.py",), ("tests/ledger",)),
    "delivery": Target(
        (
            "labferry/sync/destination.py",
            "labferry/sync/encrypted_delivery.py",
            "labferry/sync/export_task.py",
            "labferry/sync/fanout.py",
            "labferry/sync/lane.py",
            "labferry/sync/run.py",
        ),
        ("tests/sync", "tests/encryption/test_delivery.py"),
    ),
    "local": Target(("labferry_local/*.py",), ("tests/plugins/labferry_local",), _SLOW_CASES),
    "fsspec": Target(
        ("labferry/sdk/fsspec_*.py",),
        (
            "tests/plugins/labferry_fsspec/test_author.py",
            "tests/plugins/labferry_fsspec/test_errors.py",
            "tests/plugins/labferry_fsspec/test_memory_contract.py",
        ),
        _SLOW_CASES,
    ),
    "sftp": Target(
        ("labferry_sftp/storing.py", "labferry_sftp/transfer.py", "labferry_sftp/readback.py"),
        (
            "tests/plugins/labferry_sftp/test_not_what_was_sent.py",
            "tests/plugins/labferry_sftp/test_resuming.py",
            "tests/plugins/labferry_sftp/test_storing.py",
        ),
        _SLOW_CASES,
    ),
    "zenodo": Target(
        (
            "labferry_zenodo/drafting.py",
            "labferry_zenodo/filling.py",
            "labferry_zenodo/journal.py",
            "labferry_zenodo/publishing.py",
            "labferry_zenodo/storing.py",
        ),
        ("tests/plugins/labferry_zenodo",),
        _SLOW_CASES,
    ),
    "s3-errors": Target(("labferry_s3/errors.py",), ("tests/plugins/labferry_s3/test_errors.py",)),
    "s3-parts": Target(
        ("labferry_s3/digests.py", "labferry_s3/part_sizes.py", "labferry_s3/progress.py"),
        ("tests/plugins/labferry_s3/test_digests.py",),
    ),
    "s3-upload": Target(
        (
            "labferry_s3/body.py",
            "labferry_s3/integrity.py",
            "labferry_s3/upload.py",
            "labferry_s3/window.py",
        ),
        (
            "tests/plugins/labferry_s3/test_checksums.py",
            "tests/plugins/labferry_s3/test_faults.py",
            "tests/plugins/labferry_s3/test_missing_answers.py",
            "tests/plugins/labferry_s3/test_resume.py",
            "tests/plugins/labferry_s3/test_upload.py",
        ),
        _ON_SEAWEEDFS,
        needs_s3=True,
    ),
    "s3-objects": Target(
        (
            "labferry_s3/bucket.py",
            "labferry_s3/listing.py",
            "labferry_s3/locking.py",
            "labferry_s3/objects.py",
            "labferry_s3/protection.py",
            "labferry_s3/reading.py",
            "labferry_s3/strays.py",
        ),
        ("tests/plugins/labferry_s3",),
        f"{_ON_SEAWEEDFS} and {_SLOW_CASES}",
        needs_s3=True,
    ),
}
