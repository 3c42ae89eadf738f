import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.servers.limits import in_a_small_disk, with_small_files_only
from tests.servers.openssh import OpenSsh
from tests.servers.proftpd import ProFtpd

from labferry.sdk import Checked, ConflictError, FullError, Severity, TransientError
from labferry.testing.samples import MemoryCheckpoint, SampleManifest
from labferry.testing.sink import FolderStorage
from labferry_sftp.remote import Remote

from .trying import check, sample, sink, store

MIB = 1 << 20


def test_receipt_has_an_address_for_people(openssh: OpenSsh, tmp_path: Path) -> None:
    receipt = store(openssh.settings(tmp_path))
    assert receipt.url == f"sftp://127.0.0.1:{openssh.port}{tmp_path}/{receipt.key}"


def test_path_from_where_sessions_begin(proftpd: ProFtpd, tmp_path: Path) -> None:
    folder = proftpd.home / "below"
    folder.mkdir()
    receipt = store(proftpd.settings("below"))
    assert (folder / receipt.key).exists()


def test_many_archives_are_listed_in_few_round_trips(
    openssh: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FolderStorage(tmp_path)
    for job in range(40):
        archive = sample(10, job=str(job))
        storage.write(archive.key, archive.content.read(0, 10))
        storage.write(SampleManifest(archive).key, SampleManifest(archive).seal())
    turns: list[int] = []
    side_by_side = Remote._all

    def counted(remote: Remote, doing: str, works: list[Any]) -> list[Any]:
        turns.append(len(works))
        return side_by_side(remote, doing, works)

    monkeypatch.setattr(Remote, "_all", counted)
    made = sink(openssh.settings(tmp_path))
    assert len(list(made.list())) == 40
    made.close()
    assert turns == [1, 1, 1, 40]  # three levels of folders, one batch of manifests


def test_file_that_appears_meanwhile_is_left_alone(
    server: OpenSsh | ProFtpd, tmp_path: Path
) -> None:
    archive = sample()

    def appear(_: int) -> None:
        (tmp_path / archive.key).write_bytes(b"theirs")

    archive.on_read = appear
    with pytest.raises(ConflictError):
        store(server.settings(tmp_path), archive)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [b"theirs"]


def test_file_that_appears_at_the_last_moment_is_left_alone(
    server: OpenSsh | ProFtpd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Remote.rename

    def rename_late(remote: Remote, source: str, target: str, size: int) -> None:
        Path(target).write_bytes(b"theirs")
        rename(remote, source, target, size)

    monkeypatch.setattr(Remote, "rename", rename_late)
    with pytest.raises(ConflictError, match="appeared meanwhile"):
        store(server.settings(tmp_path))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [b"theirs"]


def test_proftpd_never_overwrites_in_a_rename(proftpd: ProFtpd, tmp_path: Path) -> None:
    assert len(check(proftpd.settings(tmp_path))) == 1


def test_path_with_a_space_and_other_letters(server: OpenSsh | ProFtpd, tmp_path: Path) -> None:
    folder = tmp_path / "Sicherung für Łódź 研究"
    folder.mkdir()
    archive, made = sample(), sink(server.settings(folder, upload_check="auto"))
    receipt = made.store(archive, SampleManifest(archive), MemoryCheckpoint())
    (stored,) = made.list()
    with made.open(stored) as file:
        assert file.read() == archive.content.read(0, archive.size)
    made.delete(stored)
    made.close()
    assert receipt.checked is Checked.STORE_CHECKSUM
    assert (receipt.url or "").isascii()
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_manifest_that_cannot_be_read_is_replaced(openssh: OpenSsh, tmp_path: Path) -> None:
    archive = sample()
    store(openssh.settings(tmp_path), archive)
    manifest = SampleManifest(archive)
    (tmp_path / manifest.key).write_bytes(b"")
    store(openssh.settings(tmp_path), archive)
    assert (tmp_path / manifest.key).read_bytes() == manifest.seal()


def test_full_disk_is_told_as_such(full_server: OpenSsh, tmp_path: Path) -> None:
    table = full_server.settings(tmp_path / "small")
    with pytest.raises(FullError, match=r"Writing .* failed"):
        store(table, sample(8 * MIB))
    made = sink(table)
    try:
        assert list(made.list()) == []
        archive = sample(100_000)
        made.store(archive, SampleManifest(archive), MemoryCheckpoint())
    finally:
        made.close()


def test_full_disk_behind_proftpd_is_told_as_such(tmp_path: Path) -> None:
    home, small = tmp_path / "server", tmp_path / "small"
    home.mkdir()
    small.mkdir()
    with ProFtpd(home).running(*in_a_small_disk(small)) as server:
        with pytest.raises(FullError, match=r"Writing .* failed"):
            store(server.settings(small), sample(8 * MIB))
        store(server.settings(small), sample(100_000))


def test_quota_may_be_what_a_server_does_not_speak_of(tmp_path: Path) -> None:
    home, folder = tmp_path / "server", tmp_path / "storage"
    home.mkdir()
    folder.mkdir()
    with OpenSsh(home).running(*with_small_files_only()) as server:
        with pytest.raises(TransientError, match=r"Writing .* failed: Failure\. Is .* quota"):
            store(server.settings(folder), sample(8 * MIB))
        store(server.settings(folder), sample(100_000, job="2"))


def test_check_tells_server_cipher_and_free_space(openssh: OpenSsh, tmp_path: Path) -> None:
    (finding,) = check(openssh.settings(tmp_path))
    assert finding.startswith(f"{Severity.OK} SSH-2.0-OpenSSH")
    assert "aes128-gcm" in finding
    assert "GB free" in finding


def test_server_with_no_extension_at_all(tmp_path: Path) -> None:
    home, folder = tmp_path / "server", tmp_path / "storage"
    home.mkdir()
    folder.mkdir()
    denied = "fsync,posix-rename,statvfs,fstatvfs,limits,hardlink"
    server = OpenSsh(home, subsystem=f"sftp internal-sftp -P {denied}")
    with server.running():
        found, warning = check(server.settings(folder))
        archive = sample(3 * MIB)
        store(server.settings(folder), archive)
        manifest = folder / SampleManifest(archive).key
        manifest.write_bytes(b"")
        store(server.settings(folder), archive)
    assert "how much is free it does not say" in found
    assert warning.startswith(f"{Severity.WARNING} The server can't be asked to force data")
    assert manifest.read_bytes() == SampleManifest(archive).seal()


def test_check_warns_of_a_rename_that_overwrites(
    openssh: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Remote, "rename", Remote.replace)
    assert "rename overwrites" in check(openssh.settings(tmp_path))[1]


def test_importing_the_plugin_loads_no_ssh() -> None:
    code = "import sys, labferry_sftp; sys.exit('asyncssh' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
