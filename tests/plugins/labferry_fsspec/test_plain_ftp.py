"""A server without MLSD whose lists leave hidden files out, as vsftpd is as it comes."""

import ftplib
from pathlib import Path

import pytest

from labferry.sdk import IntegrityError, StrayKind
from labferry.sdk.fsspec_tree import Tree
from labferry.testing.samples import Content, MemoryCheckpoint, SampleArchive, SampleManifest
from labferry_fsspec import FsspecSettings, UrlSink

from .conftest import Server

pytestmark = [
    pytest.mark.usefixtures("password"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.fixture
def folder(plain_ftp_server: Server, tmp_path: Path) -> Path:
    folder = plain_ftp_server.folder / tmp_path.name
    folder.mkdir()
    return folder


@pytest.fixture
def sink(plain_ftp_server: Server, folder: Path) -> UrlSink:
    table = {
        "type": "fsspec",
        "url": f"ftp://127.0.0.1/{folder.name}",
        "options": {
            "port": plain_ftp_server.port,
            "username": "backup",
            "password": {"env": "STORAGE_PASSWORD"},
        },
    }
    return UrlSink("nas", FsspecSettings.model_validate(table))


def _files(folder: Path) -> set[str]:
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}


def test_server_answers_as_it_should(plain_ftp_server: Server, folder: Path, password: str) -> None:
    (folder / ".hidden").touch()
    (folder / "shown").touch()
    with ftplib.FTP() as client:  # noqa: S321 - this is about FTP
        client.connect("127.0.0.1", plain_ftp_server.port)
        client.login("backup", password)
        with pytest.raises(ftplib.error_perm, match=r"^500"):
            list(client.mlsd(folder.name))
        lines: list[str] = []
        client.dir(folder.name, lines.append)
        assert [line.split()[-1] for line in lines] == ["shown"]


def test_archive_is_stored_found_and_removed(sink: UrlSink, folder: Path) -> None:
    assert [each.message for each in sink.check()]
    archive = SampleArchive(Content(300_000))
    sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert _files(folder) == {archive.key, f"{archive.key}.manifest.json"}
    sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    (stored,) = sink.list()
    assert sink.find(archive.key) == stored
    with sink.open(stored) as file:
        assert file.read() == archive.content.read(0, archive.size)
    assert list(sink.strays()) == []
    sink.write_marker(b"one")
    assert sink.read_marker() == b"one"
    sink.delete(stored)
    assert list(sink.list()) == []


def test_what_a_failed_store_sent_is_removed(
    sink: UrlSink, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = SampleArchive(Content(300_000))
    monkeypatch.setattr(Tree, "sha256", lambda *_: "0" * 64)
    with pytest.raises(IntegrityError):
        sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert _files(folder) == set()


def test_what_a_killed_store_sent_is_seen(sink: UrlSink, folder: Path) -> None:
    left = folder / "sample" / "2026" / f"labferry-{'ab' * 8}.archive"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    (stray,) = sink.strays()
    assert stray.kind is StrayKind.UNFINISHED
    sink.remove_stray(stray)
    assert _files(folder) == set()


def test_what_labferry_0_1_hid_is_removed_by_the_next_store(sink: UrlSink, folder: Path) -> None:
    archive = SampleArchive(Content(1000))
    left = folder / Path(archive.key).parent / f".labferry-{'ab' * 8}.archive"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"whole, and hidden")
    sink.store(archive, SampleManifest(archive), MemoryCheckpoint({"part": "ab" * 8}))
    assert _files(folder) == {archive.key, f"{archive.key}.manifest.json"}
