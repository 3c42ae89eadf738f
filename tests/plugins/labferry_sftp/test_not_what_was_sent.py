"""What lies at the server is compared before it gets its name, and before it is called stored."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.servers.openssh import OpenSsh

from labferry.sdk import Checked, ConflictError, IntegrityError
from labferry.testing.samples import MemoryCheckpoint, SampleManifest
from labferry_sftp import transfer
from labferry_sftp.storing import Storing

from .trying import sample, sink, store


def test_unknown_file_of_the_same_size_is_not_adopted_by_its_size(
    openssh: OpenSsh, tmp_path: Path
) -> None:
    archive = sample()
    place = tmp_path / archive.key
    place.parent.mkdir(parents=True)
    place.write_bytes(bytes(archive.size))
    with pytest.raises(ConflictError, match="other content"):
        store(openssh.settings(tmp_path, upload_check="size"), archive)
    assert place.read_bytes() == bytes(archive.size)


def test_archive_that_is_missing_beside_the_manifest_of_other_bytes_is_not_stored(
    openssh: OpenSsh, tmp_path: Path
) -> None:
    table = openssh.settings(tmp_path)
    archive = sample()
    store(table, archive)
    (tmp_path / archive.key).unlink()
    other = sample(archive.size + 1)  # the same id, other content
    with pytest.raises(IntegrityError, match="not what was stored there"):
        store(table, other)
    assert not (tmp_path / archive.key).exists()
    assert not list(tmp_path.rglob(".labferry-*"))


@pytest.mark.parametrize("check", ["size", "readback"])
def test_upload_that_lost_its_end_gets_no_name(
    openssh: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    real = Storing._check

    def cut_before(self: Storing, path: str, *more: Any) -> Checked | None:  # noqa: ANN401 - hands them on
        os.truncate(path, 1000)
        return real(self, path, *more)

    monkeypatch.setattr(Storing, "_check", cut_before)
    archive = sample()
    with pytest.raises(IntegrityError, match="does not hold what was written"):
        store(openssh.settings(tmp_path, upload_check=check), archive)
    assert not (tmp_path / archive.key).exists()
    assert not list(tmp_path.rglob(".labferry-*"))


def test_manifest_is_read_back_before_it_gets_its_name(
    openssh: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = transfer.send_small

    def damaged(remote: Any, path: str, content: bytes) -> bool:  # noqa: ANN401 - hands it on
        return real(remote, path, content[:-1] + b"?")

    monkeypatch.setattr("labferry_sftp.storing.send_small", damaged)
    archive = sample()
    made = sink(openssh.settings(tmp_path))
    with pytest.raises(IntegrityError, match="does not hold what was written"):
        made.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert list(made.list()) == []
    made.close()
    assert not (tmp_path / f"{archive.key}.manifest.json").exists()
