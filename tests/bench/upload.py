"""Uploads beside those of the storages' own programs."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.paths import ROOT

from labferry.sdk import Digests, JsonValue
from labferry.testing.samples import Content

from .results import GIB, MIB, Compared, Plan, Row, compare
from .storages import S3Bucket, SshServer, Upload, ssh_server


def s3(plan: Plan) -> list[Row]:
    """Beside aws cli, boto3 and rclone."""
    store, content, file = plan.bucket(), *_original(plan)
    ours = _Storing("s3", store.table, file, content.digests)
    others = {"aws cli": store.aws(file), "boto3": store.boto3(file), "rclone": store.rclone(file)}
    compared = _compare(plan, ours, others, _taking_back(store, content.size))
    what = f"upload of {content.size // MIB} MiB to S3 / best of three"
    return [Row(what, compared.ratio(min), 1.0, detail=compared.detail())]


def sftp(plan: Plan) -> list[Row]:
    """Beside OpenSSH's sftp and rclone, with the same cipher."""
    content, file = _original(plan)
    with ssh_server(plan.folder) as server:
        # As sftp does with `-f`: the disk is waited for, and the bytes are not read back.
        table = {**server.table, "upload_check": "size"}
        ours = _Storing("sftp", table, file, content.digests)
        others = {"sftp": server.sftp(file, "-f"), "rclone": server.rclone(file)}
        compared = _compare(plan, ours, others, _taking_back(server, content.size))
    what = f"upload of {content.size // MIB} MiB to SFTP / sftp"
    return [Row(what, compared.ratio(lambda others: others[0]), 1.2, detail=compared.detail())]


class _Storing:
    """Stores a file with labferry, each time under another key, in a process that is ready for it.

    Args:
        kind: The type of the destination.
        table: Its table in a configuration.
        file: What to store.
        digests: Its digests.
    """

    def __init__(
        self, kind: str, table: Mapping[str, JsonValue], file: Path, digests: Digests
    ) -> None:
        self._command = [sys.executable, "-m", "tests.bench.storing", kind, json.dumps(table)]
        self._file = str(file)
        self._known = [str(digests.crc32), digests.sha256]
        self._process: subprocess.Popen[str] | None = None

    def ready(self) -> None:
        """Start the process, if there is none that waits, and let it get ready."""
        if self._process is None:
            self._process = subprocess.Popen(
                [*self._command, self._file, f"bench/2026/{uuid.uuid4()}.zip", *self._known],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
            )
            assert self._process.stdout is not None
            self._process.stdout.readline()

    def __call__(self) -> None:
        """Store it."""
        process, self._process = self._process, None
        assert process is not None
        process.communicate("go\n")
        if process.returncode:
            raise RuntimeError(f"It ended with {process.returncode}.")

    def close(self) -> None:
        """End a process that still waits."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def _compare(
    plan: Plan, ours: _Storing, others: Mapping[str, Upload], tidy: Callable[[], None]
) -> Compared:
    try:
        return compare(plan, ours, others, tidy, ours.ready)
    finally:
        ours.close()


def _original(plan: Plan) -> tuple[Content, Path]:
    content, path = Content(plan.size(GIB)), plan.folder / "original"
    with path.open("wb") as file:
        file.writelines(content.chunks())
    return content, path


def _taking_back(storage: S3Bucket | SshServer, size: int) -> Callable[[], None]:
    """Empties a storage, which must have a file of that size."""

    def take_back() -> None:
        if size not in storage.empty():
            raise RuntimeError(f"No file of {size} bytes was stored.")

    return take_back
