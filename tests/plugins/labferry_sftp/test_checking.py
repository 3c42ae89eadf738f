from pathlib import Path

import pytest
from asyncssh import SFTPClientFile
from tests.servers.openssh import OpenSsh
from tests.servers.proftpd import ProFtpd

from labferry.sdk import Checked, IntegrityError, NotFoundError, RefusedError
from labferry_sftp import checkfile
from labferry_sftp.readback import ReadBack
from labferry_sftp.transfer import Pieces

from .trying import sample, sink, store

MIB = 1 << 20


def test_every_byte_is_read_back(openssh: OpenSsh, tmp_path: Path) -> None:
    assert store(openssh.settings(tmp_path)).checked is Checked.READ_BACK


def test_size_alone_where_asked_for(openssh: OpenSsh, tmp_path: Path) -> None:
    assert store(openssh.settings(tmp_path, upload_check="size")).checked is Checked.SIZE


def test_server_computes_the_checksum_where_it_can(openssh: OpenSsh, tmp_path: Path) -> None:
    folder = tmp_path / "it's a $folder"
    folder.mkdir()
    receipt = store(openssh.settings(folder, upload_check="auto"))
    assert receipt.checked is Checked.STORE_CHECKSUM


def test_reads_back_where_the_account_may_only_transfer_files(tmp_path: Path) -> None:
    home = tmp_path / "server"
    home.mkdir()
    server = OpenSsh(home, more="ForceCommand internal-sftp")
    with server.running():
        assert store(server.settings(tmp_path, upload_check="auto")).checked is Checked.READ_BACK


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
    write = SFTPClientFile.write

    async def write_other(file: SFTPClientFile, data: bytes, offset: int) -> int:
        other = bytes(data)
        return await write(file, other[:-1] + bytes([other[-1] ^ 1]), offset)

    monkeypatch.setattr(SFTPClientFile, "write", write_other)
    with pytest.raises(IntegrityError, match="not hold what was written"):
        store(openssh.settings(tmp_path))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_read_back_while_more_is_sent(
    openssh: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, sent, next_piece = sample(24 * MIB), [0], Pieces.next_piece
    behind: list[int] = []

    def note_sent(offset: int) -> None:
        sent[0] = offset

    def note_fetched(pieces: Pieces) -> bytes:
        behind.append(sent[0])
        return next_piece(pieces)

    archive.on_read = note_sent
    monkeypatch.setattr(Pieces, "next_piece", note_fetched)
    assert store(openssh.settings(tmp_path), archive).checked is Checked.READ_BACK
    assert behind[0] < archive.size // 2


def _refuse(*_: object, **__: object) -> None:
    raise RefusedError("Not while it is being written.")


def _show_nothing(*_: object, **__: object) -> None:
    pass


@pytest.mark.parametrize("meanwhile", [_refuse, _show_nothing])
def test_read_back_afterwards_where_a_server_does_not_show_what_is_being_written(
    openssh: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: object
) -> None:
    monkeypatch.setattr(ReadBack, "_go_on", meanwhile)
    assert store(openssh.settings(tmp_path)).checked is Checked.READ_BACK


def test_server_without_a_shell_computes_the_checksum_where_it_can(
    proftpd: ProFtpd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Pieces, "next_piece")  # nothing is fetched
    receipt = store(proftpd.settings(tmp_path, upload_check="auto"))
    assert receipt.checked is Checked.STORE_CHECKSUM


def test_checksum_of_a_large_archive_is_computed_in_parts(
    proftpd: ProFtpd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkfile, "_BLOCK", 1 << 16)
    table = proftpd.settings(tmp_path, upload_check="auto")
    assert store(table).checked is Checked.STORE_CHECKSUM
    made = sink(table)
    (stored,) = made.list()
    assert made.quick_check(stored) is Checked.SIZE
    made.close()


@pytest.mark.parametrize("block", [1 << 30, 1 << 16])
def test_checksum_of_a_server_without_a_shell_finds_damage(
    proftpd: ProFtpd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(checkfile, "_BLOCK", block)
    table = proftpd.settings(tmp_path, upload_check="auto")
    path = tmp_path / store(table).key
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(IntegrityError, match="damaged or replaced"):
        store(table)


def test_reads_back_where_a_server_without_a_shell_computes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "server"
    home.mkdir()
    with ProFtpd(home, more="SFTPExtensions -checkFile").running() as server:
        receipt = store(server.settings(tmp_path, upload_check="auto"))
    assert receipt.checked is Checked.READ_BACK


@pytest.mark.parametrize(
    ("check", "checked"), [("readback", Checked.SIZE), ("auto", Checked.STORE_CHECKSUM)]
)
def test_a_quick_check_lets_the_server_compute_where_it_may(
    server: OpenSsh | ProFtpd, tmp_path: Path, check: str, checked: Checked
) -> None:
    table, archive = server.settings(tmp_path, upload_check=check), sample()
    store(table, archive)
    made = sink(table)
    (stored,) = made.list()
    assert made.quick_check(stored) is checked
    path = tmp_path / archive.key
    path.write_bytes(bytes(archive.size))
    if check == "auto":
        with pytest.raises(IntegrityError, match="another SHA-256"):
            made.quick_check(stored)
    path.write_bytes(b"short")
    with pytest.raises(IntegrityError, match="has 5 bytes, not the"):
        made.quick_check(stored)
    path.unlink()
    with pytest.raises(NotFoundError, match="any more"):
        made.quick_check(stored)
    made.close()
