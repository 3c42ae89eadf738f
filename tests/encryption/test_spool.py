"""Encrypted files in the spool."""

import os
import shutil
import stat
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from labferry.sdk import ArchiveReader, Digests, FullError, StateError, StoppedError, TransientError
from labferry.spool import Declared, EncryptedArchive, EncryptedFile, Spool, SpoolArchive
from labferry.spool.encrypted import HashingFile

ID = "20260102T030405Z-chem-23"
CONTENT = bytes(range(256)) * 2000
RECIPIENTS = "0123456789abcdef"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


Arrive = Callable[..., SpoolArchive]


@pytest.fixture
def arrive(spool: Spool) -> Iterator[Arrive]:
    """Let an archive arrive in the spool, all of it or only some bytes."""
    made: list[SpoolArchive] = []

    def _arrive(
        content: bytes = CONTENT, count: int | None = None, *, identity: str = ID
    ) -> SpoolArchive:
        declared = Declared(
            identity, "chem", f"chem/2026/{identity}.zip", len(content), zlib.crc32(content)
        )
        archive = spool.open(declared, md5=False)
        archive.write(0, content[:count])
        if count is None:
            archive.verify()
        made.append(archive)
        return archive

    yield _arrive
    for archive in made:
        archive.close()


def scramble(reader: ArchiveReader, target: HashingFile) -> None:
    """Stands for an encryption: every one gives other bytes."""
    target.write(os.urandom(16))
    while chunk := reader.read(100_000):
        target.write(bytes(byte ^ 1 for byte in chunk))


def made(file: EncryptedFile) -> EncryptedArchive:
    return file.make(scramble, lambda digests: f"sealed {digests.sha256}")


def content_of(archive: EncryptedArchive) -> bytes:
    with archive.open() as reader:
        return reader.read()


def test_made_once_and_found_again(spool: Spool, arrive: Arrive) -> None:
    plain = arrive()
    first = made(spool.encrypted(plain, RECIPIENTS, md5=True))
    again = spool.encrypted(plain, RECIPIENTS, md5=True).load()
    assert again is not None
    assert content_of(again) == content_of(first)
    assert (again.id, again.source, again.size) == (ID, "chem", len(CONTENT) + 16)
    assert again.key == f"{plain.key}.age"
    assert again.digests() == first.digests()
    assert again.digests().md5 is not None
    assert again.crc32 == zlib.crc32(content_of(again))
    assert again.sealed == f"sealed {plain.digests().sha256}"


def test_made_file_is_on_the_disk_before_its_note_and_both_before_they_are_used(
    spool: Spool, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = arrive()
    events: list[str] = []
    sync, rename = os.fsync, os.rename

    def _sync(descriptor: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def _rename(source: str, target: str, **how: Any) -> None:  # noqa: ANN401 - as `os.rename`
        events.append("note" if target.endswith(".json") else "archive")
        rename(source, target, **how)

    monkeypatch.setattr(os, "fsync", _sync)
    monkeypatch.setattr(os, "rename", _rename)
    made(spool.encrypted(plain, RECIPIENTS, md5=False))
    assert events == ["file", "archive", "folder", "file", "note", "folder"]


def test_nothing_is_found_where_nothing_was_made(spool: Spool, arrive: Arrive) -> None:
    assert spool.encrypted(arrive(count=10), RECIPIENTS, md5=False).load() is None


def test_others_recipients_have_a_file_of_their_own(spool: Spool, arrive: Arrive) -> None:
    plain = arrive()
    made(spool.encrypted(plain, RECIPIENTS, md5=False))
    assert spool.encrypted(plain, RECIPIENTS[::-1], md5=False).load() is None


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _change(path: Path) -> None:
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


@pytest.mark.parametrize("damage", [_cut, _change, Path.unlink])
@pytest.mark.parametrize("suffix", [".age", ".age.json"])
def test_damaged_file_is_not_used(
    spool: Spool, arrive: Arrive, damage: Callable[[Path], None], suffix: str
) -> None:
    plain = arrive()
    file = spool.encrypted(plain, RECIPIENTS, md5=False)
    before = content_of(made(file))
    damage(spool.folder / f"{ID}.{RECIPIENTS}{suffix}")
    assert file.load() is None
    assert content_of(made(file)) != before
    assert file.load() is not None


def test_file_made_of_another_archive_is_not_used(spool: Spool, arrive: Arrive) -> None:
    made(spool.encrypted(arrive(), RECIPIENTS, md5=False))
    spool_file = spool.folder / f"{ID}.spool"
    spool_file.unlink()
    assert spool.encrypted(arrive(CONTENT[::-1]), RECIPIENTS, md5=False).load() is None


def test_download_is_followed_and_nothing_kept_of_one_that_fails(
    spool: Spool, arrive: Arrive
) -> None:
    plain = arrive(count=1000)
    file = spool.encrypted(plain, RECIPIENTS, md5=False)
    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(made, file)
        plain.refuse(TransientError("The download was given up."))
        with pytest.raises(TransientError, match="given up"):
            making.result()
    assert [path.name for path in spool.folder.iterdir()] == [f"{ID}.spool"]


def test_download_that_begins_anew_ends_the_encryption(spool: Spool, arrive: Arrive) -> None:
    plain, begun = arrive(count=1000), Event()

    def begin(reader: ArchiveReader, target: HashingFile) -> None:
        target.write(reader.read(1))
        begun.set()
        scramble(reader, target)

    with ThreadPoolExecutor(1) as pool:
        file = spool.encrypted(plain, RECIPIENTS, md5=False)
        making = pool.submit(file.make, begin, lambda digests: digests.sha256)
        # A reader that is opened afterwards belongs to the new download, and would wait for it.
        assert begun.wait(20)
        plain.restart()
        with pytest.raises(TransientError, match="began anew"):
            making.result()
    plain.write(0, CONTENT)
    plain.verify()
    assert content_of(made(spool.encrypted(plain, RECIPIENTS, md5=False)))


def test_readers_end_when_the_run_is_stopped(spool: Spool, arrive: Arrive) -> None:
    plain = arrive()
    archive = made(spool.encrypted(plain, RECIPIENTS, md5=False))
    with archive.open(offset=100) as reader:
        assert len(reader.read(10)) == 10
        plain.refuse(StoppedError(15))
        with pytest.raises(StoppedError):
            reader.read(10)
    with pytest.raises(StoppedError):
        archive.digests()


def test_same_bytes_under_another_key(spool: Spool, arrive: Arrive) -> None:
    archive = made(spool.encrypted(arrive(), RECIPIENTS, md5=False))
    other = archive.at("chem/2026/other.age")
    assert other.key == "chem/2026/other.age"
    assert (other.id, other.digests()) == (archive.id, archive.digests())


def test_full_spool_says_what_needs_space(
    spool: Spool, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = arrive()
    usage = shutil.disk_usage(spool.folder)._replace(free=len(CONTENT))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(FullError, match=f"Encrypting {ID} needs {len(CONTENT)} more bytes"):
        made(spool.encrypted(plain, RECIPIENTS, md5=False))


def test_space_that_the_download_still_needs_is_left_to_it(
    spool: Spool, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = arrive(count=1000)
    usage = shutil.disk_usage(spool.folder)._replace(free=2 * len(CONTENT) - 2000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(FullError, match=f"needs {2 * len(CONTENT) - 1000} more bytes"):
        made(spool.encrypted(plain, RECIPIENTS, md5=False))


def test_failing_disk_is_the_spools(spool: Spool, arrive: Arrive) -> None:
    def failing(reader: ArchiveReader, target: HashingFile) -> None:
        raise OSError(5, "Input/output error")

    def seal(digests: Digests) -> str:
        return ""

    with pytest.raises(StateError, match="Input/output error"):
        spool.encrypted(arrive(), RECIPIENTS, md5=False).make(failing, seal)


def test_goes_with_its_archive_and_with_no_other(spool: Spool, arrive: Arrive) -> None:
    longer = f"{ID}.1"
    for plain in (arrive(), arrive(identity=longer)):
        made(spool.encrypted(plain, RECIPIENTS, md5=False))
    spool.discard(ID)
    assert {path.name for path in spool.folder.iterdir()} == {
        f"{longer}{suffix}"
        for suffix in (".spool", f".{RECIPIENTS}.age", f".{RECIPIENTS}.age.json")
    }


def test_swept_where_nothing_waits_for_it(spool: Spool, arrive: Arrive) -> None:
    made(spool.encrypted(arrive(), RECIPIENTS, md5=False))
    for left in (f"{ID}.{RECIPIENTS}.age.part", f"{ID}.{RECIPIENTS}.age.json.part", "notes.txt"):
        (spool.folder / left).write_bytes(b"left by a kill")
    spool.sweep({ID})
    assert len([*spool.folder.iterdir()]) == 6
    spool.sweep(set())
    assert [path.name for path in spool.folder.iterdir()] == ["notes.txt"]
