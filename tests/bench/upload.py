"""Uploads beside those of the storages' own programs."""

import json
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from labferry.sdk import Digests, JsonValue
from labferry.testing.samples import Content

from .results import GIB, MIB, Plan, Row, compare
from .site import cost
from .storages import S3Bucket, SshServer, Upload, ssh_server

_ROOT = Path(__file__).resolve().parents[2]


def s3(plan: Plan) -> list[Row]:
    """Beside aws cli, boto3 and rclone."""
    store, content, file = plan.bucket(), *_original(plan)
    ours = _ours("s3", store.table, file, content.digests)
    others = {"aws cli": store.aws(file), "boto3": store.boto3(file), "rclone": store.rclone(file)}
    compared = compare(plan, ours, others, _taking_back(store, content.size))
    what = f"upload of {content.size // MIB} MiB to S3 / best of three"
    return [Row(what, compared.ratio(min), 1.0, detail=compared.detail())]


def sftp(plan: Plan) -> list[Row]:
    """Beside OpenSSH's sftp and rclone, with the same cipher."""
    content, file = _original(plan)
    with ssh_server(plan.folder) as server:
        # As sftp does with `-f`: the disk is waited for, and the bytes are not read back.
        ours = _ours("sftp", {**server.table, "verify": "size"}, file, content.digests)
        others = {"sftp": server.sftp(file, "-f"), "rclone": server.rclone(file)}
        compared = compare(plan, ours, others, _taking_back(server, content.size))
    what = f"upload of {content.size // MIB} MiB to SFTP / sftp"
    return [Row(what, compared.ratio(lambda others: others[0]), 1.2, detail=compared.detail())]


def _original(plan: Plan) -> tuple[Content, Path]:
    content, path = Content(plan.size(GIB)), plan.folder / "original"
    with path.open("wb") as file:
        file.writelines(content.chunks())
    return content, path


def _ours(kind: str, table: Mapping[str, JsonValue], file: Path, digests: Digests) -> Upload:
    """Stores the file with labferry, each time under another key."""
    command = [sys.executable, "-m", "tests.bench.storing", kind, json.dumps(table), str(file)]
    known = [str(digests.crc32), digests.sha256]
    return lambda: cost([*command, f"bench/2026/{uuid.uuid4()}.zip", *known], folder=_ROOT)


def _taking_back(storage: S3Bucket | SshServer, size: int) -> Callable[[], None]:
    """Empties a storage, which must have a file of that size."""

    def take_back() -> None:
        if size not in storage.empty():
            raise RuntimeError(f"No file of {size} bytes was stored.")

    return take_back
