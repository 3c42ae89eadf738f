import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labferry.sdk import Checked, ConflictError, FullError, IntegrityError, NotFoundError, Severity
from labferry.testing.samples import MemoryCheckpoint, SampleManifest
from labferry.testing.sink import FolderStorage
from labferry_sftp import storing
from labferry_sftp.remote import Remote

from .openssh import OpenSsh
from .proftpd import ProFtpd
from .trying import check, sample, sink, store

MIB = 1 << 20


def test_every_byte_is_read_back(openssh: OpenSsh, tmp_path: Path) -> None:
    assert store(openssh.settings(tmp_path)).checked is Checked.READ_BACK


def test_size_alone_where_asked_for(openssh: OpenSsh, tmp_path: Path) -> None:
    assert store(openssh.settings(tmp_path, verify="size")).checked is Checked.SIZE


def test_server_computes_the_checksum_where_it_can(openssh: OpenSsh, tmp_path: Path) -> None:
    folder = tmp_path / "it's a $folder"
    folder.mkdir()
    receipt = store(openssh.settings(folder, verify="auto"))
    assert receipt.checked is Checked.STORE_CHECKSUM


def test_reads_back_where_there_is_no_shell(proftpd: ProFtpd, tmp_path: Path) -> None:
    assert store(proftpd.settings(tmp_path, verify="auto")).checked is Checked.READ_BACK


def test_reads_back_where_the_account_may_only_transfer_files(tmp_path: Path) -> None:
    home = tmp_path / "server"
    home.mkdir()
    server = OpenSsh(home, more="ForceCommand internal-sftp")
    with server.running():
        assert store(server.settings(tmp_path, verify="auto")).checked is Checked.READ_BACK


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


def test_archive_damaged_on_the_server_is_an_integrity_error(
    openssh: OpenSsh, tmp_path: Path
) -> None:
    receipt = store(openssh.settings(tmp_path))
    path = tmp_path / receipt.key
    path.write_bytes(bytes(reversed(path.read_bytes())))
    with pytest.raises(IntegrityError, match="damaged or replaced"):
        store(openssh.settings(tmp_path))


def test_server_that_stores_other_bytes_is_found_out(
    openssh: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "sha256_of", lambda *_: "0" * 64)
    with pytest.raises(IntegrityError, match="not hold what was written"):
        store(openssh.settings(tmp_path))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_file_that_appears_meanwhile_is_left_alone(openssh: OpenSsh, tmp_path: Path) -> None:
    archive = sample()

    def appear(_: int) -> None:
        (tmp_path / archive.key).write_bytes(b"theirs")

    archive.on_read = appear
    with pytest.raises(ConflictError):
        store(openssh.settings(tmp_path), archive)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [b"theirs"]


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


@pytest.mark.parametrize(
    ("verify", "checked"), [("readback", Checked.SIZE), ("auto", Checked.STORE_CHECKSUM)]
)
def test_a_quick_check_lets_the_server_compute_where_it_may(
    openssh: OpenSsh, tmp_path: Path, verify: str, checked: Checked
) -> None:
    table, archive = openssh.settings(tmp_path, verify=verify), sample()
    store(table, archive)
    made = sink(table)
    (stored,) = made.list()
    assert made.quick_check(stored) is checked
    path = tmp_path / archive.key
    path.write_bytes(bytes(archive.size))
    if verify == "auto":
        with pytest.raises(IntegrityError, match="another SHA-256"):
            made.quick_check(stored)
    path.write_bytes(b"short")
    with pytest.raises(IntegrityError, match="has 5 bytes, not the"):
        made.quick_check(stored)
    path.unlink()
    with pytest.raises(NotFoundError, match="any more"):
        made.quick_check(stored)
    made.close()
