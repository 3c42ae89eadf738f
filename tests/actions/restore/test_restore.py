"""Restoring: the right archive, from a good copy, whole or not at all."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from labferry.runtime.stop import Stop
from labferry.sdk import (
    ConfigError,
    ConflictError,
    IntegrityError,
    LabferryError,
    LockHeldError,
    NotFoundError,
    RefusedError,
    StoppedError,
    StoredArchive,
    TransientError,
)
from labferry_local import LocalSink

from .conftest import RestoreLab

_BIG = os.urandom(3 << 20) + b"end"


def test_an_archive_comes_back_into_a_folder_under_its_own_name(lab: RestoreLab) -> None:
    put = lab.store("nas")
    restored = lab.restore(put.id)
    assert restored.path == lab.here / put.path.name
    assert restored.path.read_bytes() == put.content
    assert (restored.destination, restored.sha256) == ("nas", put.sha256)
    assert stat.S_IMODE(restored.path.stat().st_mode) == 0o600
    assert lab.files() == [put.path.name]


def test_an_archive_comes_back_into_the_file_that_was_named(lab: RestoreLab) -> None:
    put = lab.store("nas")
    lab.restore(put.id, to=lab.folder / "back.zip")
    assert (lab.folder / "back.zip").read_bytes() == put.content


def test_an_empty_archive_comes_back(lab: RestoreLab) -> None:
    put = lab.store("nas", content=b"")
    assert lab.restore(put.id).path.read_bytes() == b""
    assert lab.files() == [put.path.name]


def test_a_file_is_never_overwritten_unless_told(lab: RestoreLab) -> None:
    put = lab.store("nas")
    target = lab.folder / "back.zip"
    target.write_bytes(b"mine")
    with pytest.raises(ConflictError, match="--force"):
        lab.restore(put.id, to=target)
    assert target.read_bytes() == b"mine"
    lab.restore(put.id, to=target, overwrite=True)
    assert target.read_bytes() == put.content


def test_a_file_that_appears_meanwhile_is_not_overwritten(
    lab: RestoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = lab.store("nas")
    target = lab.folder / "back.zip"
    opened = LocalSink.open

    def appear(sink: LocalSink, stored: StoredArchive, offset: int = 0) -> object:
        target.write_bytes(b"mine")
        return opened(sink, stored, offset)

    monkeypatch.setattr(LocalSink, "open", appear)
    with pytest.raises(ConflictError, match="not touched"):
        lab.restore(put.id, to=target)
    assert target.read_bytes() == b"mine"


def test_what_is_here_already_is_compared_and_left(lab: RestoreLab) -> None:
    put = lab.store("nas")
    lab.restore(put.id)
    put.path.unlink()
    lab.store("nas", day=0)
    restored = lab.restore(put.id)
    assert restored.destination is None
    assert lab.files() == [put.path.name]


def test_a_file_of_the_same_size_is_not_taken_for_the_archive(lab: RestoreLab) -> None:
    put = lab.store("nas")
    target = lab.folder / "back.zip"
    mine = bytes(len(put.content))
    target.write_bytes(mine)
    with pytest.raises(ConflictError, match="not touched"):
        lab.restore(put.id, to=target)
    assert target.read_bytes() == mine


@pytest.mark.parametrize("extract", [False, True])
def test_a_missing_parent_folder_is_told_before_anything_else(
    lab: RestoreLab, *, extract: bool
) -> None:
    lab.configure("nowhere")
    (lab.folder / "nowhere").rmdir()
    with pytest.raises(ConfigError, match="no folder"):
        lab.restore("x", to=lab.folder / "gone" / "back", extract=extract)


def test_a_damaged_copy_is_passed_over(lab: RestoreLab, caplog: pytest.LogCaptureFixture) -> None:
    lab.configure("nas", "offsite")
    put = lab.store("nas", content=_BIG)
    lab.store("offsite", content=_BIG)
    put.damage()
    restored = lab.restore(put.id)
    assert restored.destination == "offsite"
    assert restored.path.read_bytes() == _BIG
    assert "damaged" in restored.problems[0]
    assert "nas: chem/2026/20260102T030405Z-chem-23.zip is damaged" in caplog.text
    assert lab.files() == [put.path.name]


@pytest.mark.parametrize(
    "change",
    [b"", _BIG[:-1], _BIG + b"x", _BIG[:1000]],
    ids=["empty", "one less", "one more", "the beginning"],
)
def test_a_copy_of_another_size_is_bad(lab: RestoreLab, change: bytes) -> None:
    put = lab.store("nas", content=_BIG)
    put.path.write_bytes(change)
    with pytest.raises(IntegrityError, match="can't be restored from any"):
        lab.restore(put.id)
    assert lab.files() == []


@pytest.mark.parametrize("change", [_BIG[:-1], _BIG + b"x"], ids=["one less", "one more"])
def test_a_copy_whose_size_is_misreported_is_found_out_while_it_streams(
    lab: RestoreLab, monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    put = lab.store("nas", content=_BIG)
    listed = lab.listed("nas")
    monkeypatch.setattr(LocalSink, "list", lambda _: iter(listed))
    put.path.write_bytes(change)
    with pytest.raises(IntegrityError, match=r"instead of|more than"):
        lab.restore(put.id)
    assert lab.files() == []


def test_where_every_copy_is_bad_the_archive_before_it_is_named(lab: RestoreLab) -> None:
    lab.configure("nas", "offsite")
    older = lab.store("nas")
    for name in ("nas", "offsite"):
        lab.store(name, day=1).damage()
    with pytest.raises(IntegrityError, match=f"The archive before it is {older.id}"):
        lab.restore(source="chem")
    assert lab.files() == []


def test_a_destination_that_is_not_there_is_passed_over(lab: RestoreLab) -> None:
    lab.configure("nas", "offsite")
    put = lab.store("offsite")
    (lab.folder / "nas").rmdir()
    restored = lab.restore(put.id)
    assert restored.destination == "offsite"
    assert "There is no folder" in restored.problems[0]


def test_a_destination_whose_secret_is_missing_harms_no_other(lab: RestoreLab) -> None:
    lab.configure(
        "nas",
        more='[destinations.cloud]\ntype = "s3"\nbucket = "bucket"\nendpoint_url = "http://127.0.0.1:9"\n'
        'access_key_id = { env = "NOT_SET_1" }\nsecret_access_key = { env = "NOT_SET_2" }\n',
    )
    put = lab.store("nas")
    assert "NOT_SET" in lab.restore(put.id).problems[0]


def test_where_no_destination_answers_that_is_told(lab: RestoreLab) -> None:
    (lab.folder / "nas").rmdir()
    with pytest.raises(NotFoundError, match="No destination could be listed"):
        lab.restore("x")


def test_only_the_named_destination_is_asked(lab: RestoreLab) -> None:
    lab.configure("nas", "offsite")
    put = lab.store("nas")
    lab.store("offsite")
    assert lab.restore(put.id, origin="offsite").destination == "offsite"
    with pytest.raises(ConfigError, match="Known destinations: nas, offsite"):
        lab.restore(put.id, origin="tape")


def test_copies_that_differ_by_their_manifests_are_told(
    lab: RestoreLab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.configure("nas", "offsite")
    put = lab.store("nas", content=b"one")
    lab.store("offsite", content=b"two")
    assert lab.restore(put.id).path.read_bytes() == b"one"
    assert "not the same at nas, offsite" in caplog.text


class _Flaky:
    """A file that gives so many bytes and then fails."""

    def __init__(self, data: bytes, error: Exception) -> None:
        self._data = data
        self._error = error

    def read(self, size: int) -> bytes:
        if not self._data:
            raise self._error
        some, self._data = self._data[:size], self._data[size:]
        return some

    def close(self) -> None:
        raise OSError("It was broken before.")


Break = Callable[..., list[int]]


@pytest.fixture
def break_reading(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Let files be read so far at a time; returns at which offsets they were opened."""
    opened = LocalSink.open
    offsets: list[int] = []

    def break_it(step: int, error: Exception, *, times: int = 1 << 30, only: str = "") -> list[int]:
        def flaky(sink: LocalSink, stored: StoredArchive, offset: int = 0) -> object:
            offsets.append(offset)
            file = opened(sink, stored, offset)
            if len(offsets) > times or (only and sink.name != only):
                return file
            with file:
                return _Flaky(file.read(step), error)

        monkeypatch.setattr(LocalSink, "open", flaky)
        return offsets

    return break_it


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    lab: RestoreLab, break_reading: Break
) -> None:
    put = lab.store("nas", content=_BIG)
    offsets = break_reading(1 << 20, TransientError("It was lost."), times=3)
    assert lab.restore(put.id).path.read_bytes() == _BIG
    assert offsets == [0, 1 << 20, 2 << 20, 3 << 20]


def test_a_connection_that_never_works_is_given_up(lab: RestoreLab, break_reading: Break) -> None:
    put = lab.store("nas", content=_BIG)
    offsets = break_reading(0, TransientError("It was lost."))
    with pytest.raises(Exception, match=r"nas: It was lost\."):
        lab.restore(put.id)
    assert len(offsets) == 5


def test_the_next_destination_goes_on_where_one_broke_off(
    lab: RestoreLab, break_reading: Break
) -> None:
    lab.configure("nas", "offsite")
    put = lab.store("nas", content=_BIG)
    lab.store("offsite", content=_BIG)
    offsets = break_reading(1 << 20, RefusedError("No more."), only="nas")
    restored = lab.restore(put.id)
    assert restored.destination == "offsite"
    assert restored.path.read_bytes() == _BIG
    assert offsets == [0, 1 << 20]


def test_a_later_restore_goes_on_where_one_broke_off(lab: RestoreLab, break_reading: Break) -> None:
    put = lab.store("nas", content=_BIG)
    offsets = break_reading(1 << 20, RefusedError("No more."), times=1)
    with pytest.raises(RefusedError):
        lab.restore(put.id)
    assert len(lab.files()) == 1
    assert lab.restore(put.id).path.read_bytes() == _BIG
    assert offsets == [0, 1 << 20]


def test_a_read_that_fails_once_is_tried_again(lab: RestoreLab, break_reading: Break) -> None:
    put = lab.store("nas", content=_BIG)
    offsets = break_reading(1 << 20, OSError(errno.EIO, "Input/output error"), times=1)
    assert lab.restore(put.id).problems == ()
    assert offsets == [0, 1 << 20]


def test_a_copy_that_can_not_be_read_twice_is_a_bad_one_and_another_goes_on(
    lab: RestoreLab, break_reading: Break
) -> None:
    put = lab.store("nas", content=_BIG)
    error = OSError(errno.EIO, "Input/output error")
    break_reading(0, error, only="nas")
    with pytest.raises(IntegrityError, match="can't be read: Input/output error"):
        lab.restore(put.id)
    lab.configure("nas", "offsite")
    lab.store("offsite", content=_BIG)
    restored = lab.restore(put.id)
    assert restored.destination == "offsite"
    assert "can't be read" in restored.problems[0]


def test_a_copy_that_vanishes_is_a_bad_one(lab: RestoreLab, break_reading: Break) -> None:
    put = lab.store("nas", content=_BIG)
    break_reading(0, NotFoundError("No such file."))
    with pytest.raises(IntegrityError, match="is gone: No such file"):
        lab.restore(put.id)


def test_a_bad_beginning_is_not_the_fault_of_a_good_copy(
    lab: RestoreLab, break_reading: Break
) -> None:
    lab.configure("nas", "offsite")
    put = lab.store("nas", content=_BIG)
    lab.store("offsite", content=_BIG)
    put.path.write_bytes(b"x" * len(_BIG))
    offsets = break_reading(1 << 20, RefusedError("No more."), only="nas")
    assert lab.restore(put.id).path.read_bytes() == _BIG
    assert offsets == [0, 1 << 20, 0]


def test_the_partial_file_of_another_archive_is_never_used(
    lab: RestoreLab, break_reading: Break
) -> None:
    first = lab.store("nas", content=_BIG)
    second = lab.store("nas", day=1, content=bytes(reversed(_BIG)))
    offsets = break_reading(1 << 20, RefusedError("No more."), times=1)
    with pytest.raises(RefusedError):
        lab.restore(first.id)
    assert lab.restore(second.id).path.read_bytes() == second.content
    assert offsets == [0, 0]
    assert lab.restore(first.id).path.read_bytes() == first.content
    assert offsets == [0, 0, 1 << 20]


def test_a_partial_file_that_is_too_long_is_begun_anew(lab: RestoreLab) -> None:
    put = lab.store("nas", content=_BIG)
    lab.here.mkdir()
    part = lab.here / f".labferry-{put.sha256[:32]}.part"
    part.write_bytes(_BIG + b"x")
    assert lab.restore(put.id).path.read_bytes() == _BIG


def test_a_partial_file_that_was_published_already_is_not_written_to(lab: RestoreLab) -> None:
    put = lab.store("nas", content=_BIG)
    lab.here.mkdir()
    published = lab.here / "kept.zip"
    published.write_bytes(b"x" * 100)
    part = lab.here / f".labferry-{put.sha256[:32]}.part"
    part.hardlink_to(published)
    assert lab.restore(put.id).path.read_bytes() == _BIG
    assert published.read_bytes() == b"x" * 100


def test_a_link_in_place_of_the_partial_file_is_not_followed(lab: RestoreLab) -> None:
    put = lab.store("nas")
    lab.here.mkdir()
    victim = lab.folder / "victim"
    victim.write_bytes(b"mine")
    (lab.here / f".labferry-{put.sha256[:32]}.part").symlink_to(victim)
    with pytest.raises(Exception, match="can't be used"):
        lab.restore(put.id)
    assert victim.read_bytes() == b"mine"


def test_two_restores_of_one_archive_into_one_folder_do_not_meet(
    lab: RestoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = lab.store("nas")
    opened = LocalSink.open

    def restore_too(sink: LocalSink, stored: StoredArchive, offset: int = 0) -> object:
        with pytest.raises(LockHeldError, match="Another restore"):
            lab.restore(put.id)
        return opened(sink, stored, offset)

    monkeypatch.setattr(LocalSink, "open", restore_too)
    assert lab.restore(put.id).path.read_bytes() == put.content


def test_a_signal_ends_it_and_the_next_one_goes_on(
    lab: RestoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = lab.store("nas", content=_BIG)
    stop, opened = Stop(), LocalSink.open

    class Stopping(_Flaky):
        def read(self, size: int) -> bytes:
            stop.request(15)
            return super().read(size)

    def stopping(sink: LocalSink, stored: StoredArchive, offset: int = 0) -> object:
        with opened(sink, stored, offset) as file:
            return Stopping(file.read(), RefusedError("Too late."))

    with monkeypatch.context() as patch:
        patch.setattr(LocalSink, "open", stopping)
        with pytest.raises(StoppedError):
            lab.restore(put.id, stop=stop)
    (part,) = lab.here.iterdir()
    assert part.stat().st_size == 1 << 20
    assert lab.restore(put.id).path.read_bytes() == _BIG


def test_a_key_of_a_strange_destination_is_never_a_path(
    lab: RestoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = lab.store("nas")
    (stored,) = lab.listed("nas")
    strange = StoredArchive("a/..", stored.size, stored.manifest)
    monkeypatch.setattr(LocalSink, "list", lambda _: iter([strange]))
    monkeypatch.setattr(LocalSink, "open", lambda *_: put.path.open("rb"))
    with pytest.raises(NotFoundError):
        lab.restore(put.id)
    assert lab.files() == []


def test_space_is_looked_at_first(lab: RestoreLab, monkeypatch: pytest.MonkeyPatch) -> None:
    put = lab.store("nas", content=_BIG)
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage)
    with pytest.raises(Exception, match=r"needs 3145731 bytes .* only 1000 are free"):
        lab.restore(put.id)
    assert lab.files() == []


class _Usage:
    free = 1000


def test_unpacked_it_is_a_new_folder(lab: RestoreLab) -> None:
    put = lab.store("nas")
    target = lab.folder / "back"
    restored = lab.restore(put.id, to=target, extract=True)
    assert (restored.files, restored.path) == (2, target)
    assert lab.files(target) == ["work/a.xml", "work/b.bin"]
    assert [path.name for path in lab.folder.iterdir() if path.name.startswith(".")] == []


def test_it_is_not_unpacked_over_anything(lab: RestoreLab) -> None:
    put = lab.store("nas")
    target = lab.folder / "back"
    target.mkdir()
    lab.restore(put.id, to=target, extract=True)
    with pytest.raises(ConflictError, match="new or empty"):
        lab.restore(put.id, to=target, extract=True)
    assert lab.files(target) == ["work/a.xml", "work/b.bin"]


def test_what_can_not_be_unpacked_leaves_nothing(lab: RestoreLab) -> None:
    put = lab.store("nas", content=b"This is no zip file.")
    with pytest.raises(IntegrityError, match=r"no sound zip file.*without --extract"):
        lab.restore(put.id, to=lab.folder / "back", extract=True)
    assert sorted(p.name for p in lab.folder.iterdir()) == ["here", "labferry.toml", "nas"]
    assert lab.restore(put.id, to=lab.folder / "back").path.read_bytes() == put.content


def test_a_place_where_a_disk_is_mounted_is_refused_at_once(lab: RestoreLab) -> None:
    with pytest.raises(ConfigError, match="mounted"):
        lab.restore("x", to=Path("/"), extract=True)


@pytest.fixture
def others_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path, Path | str], None]:
    """Make a link that belongs to another user."""

    def make(link: Path, target: Path | str) -> None:
        link.symlink_to(target)
        if os.geteuid() == 0:
            os.chown(link, 65534, 65534, follow_symlinks=False)
        else:
            other = os.geteuid() + 1
            monkeypatch.setattr("os.geteuid", lambda: other)

    return make


@pytest.mark.parametrize("extract", [True, False])
def test_a_link_of_another_user_does_not_choose_where_to_write(
    lab: RestoreLab, others_link: Callable[[Path, Path | str], None], *, extract: bool
) -> None:
    put = lab.store("nas")
    elsewhere = lab.folder / "elsewhere"
    elsewhere.mkdir()
    others_link(lab.folder / "link", elsewhere)
    with pytest.raises(RefusedError, match="link is a link that belongs to another user"):
        lab.restore(put.id, to=lab.folder / "link" / "new", extract=extract)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("target", ["elsewhere", "../{name}/elsewhere", "{folder}/elsewhere", "on"])
def test_our_own_links_are_followed(lab: RestoreLab, target: str) -> None:
    put = lab.store("nas")
    elsewhere = lab.folder / "elsewhere"
    elsewhere.mkdir()
    (lab.folder / "on").symlink_to(elsewhere)
    link = lab.folder / "link"
    link.symlink_to(target.format(folder=lab.folder, name=lab.folder.name))
    lab.restore(put.id, to=link / "new.zip")
    assert (elsewhere / "new.zip").read_bytes() == put.content
    link.unlink()
    link.symlink_to("link")
    with pytest.raises(LabferryError):
        lab.restore(put.id, to=link / "new.zip")
