"""A spool that somebody else can change, or has changed; ids that lead out of it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.needs import give

from labferry.sdk import InvalidAnswerError, StateError
from labferry.spool import Declared, Spool

pytestmark = pytest.mark.timeout(30)


def declared(name: str = "a-1") -> Declared:
    return Declared(name, "a", "a/a.zip", 5, 0)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.mark.parametrize(
    "name", ["../../x", "/x", "a/b", "..", "", ".x", "-x", "a\nb", "x\0", "x" * 300]
)
def test_an_id_never_leads_out_of_the_spool(name: str, spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(InvalidAnswerError, match="can't be the id of an archive"):
        spool.open(declared(name), md5=False)
    assert [path.name for path in tmp_path.rglob("*")] == ["spool"]


def test_the_spool_of_another_user_is_refused(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(spool.folder, user=12345)
    with pytest.raises(StateError, match=f"^The spool folder {spool.folder} can't be used: ") as e:
        Spool(spool.folder)
    assert "it belongs to user 12345, not to root" in e.value.message
    assert e.value.hint == "Run labferry as user 12345, or set spool_dir to a folder of root."


@pytest.mark.parametrize(("mode", "group"), [(0o777, None), (0o1777, None), (0o770, 12345)])
def test_a_spool_that_others_can_write_is_refused(
    mode: int, group: int | None, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if group is not None:
        give(spool.folder, group=group)
    spool.folder.chmod(mode)
    with pytest.raises(StateError, match="others than its owner can write it") as caught:
        spool.open(declared(), md5=False)
    assert caught.value.hint == f"Run: chmod go-w {spool.folder}"


def test_a_group_that_only_this_process_has_is_no_danger(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Kubernetes sets folders up with fsGroup."""
    give(spool.folder, user=0, group=12345)
    spool.folder.chmod(0o2770)
    monkeypatch.setattr(os, "getgroups", lambda: [12345])
    spool.open(declared(), md5=False).close()


_ODD: dict[str, Callable[[Path], None]] = {
    "a link": lambda path: path.symlink_to("/etc/passwd"),
    "a FIFO": os.mkfifo,
    "a folder": os.mkdir,
}


@pytest.mark.parametrize("kind", _ODD)
def test_what_is_planted_in_the_spool_is_named(kind: str, spool: Spool) -> None:
    path = spool.folder / "a-1.spool"
    _ODD[kind](path)
    before = Path("/etc/passwd").read_bytes()
    with pytest.raises(StateError) as caught:
        spool.open(declared(), md5=False).write(0, b"12345")
    assert caught.value.message == f"{path} can't be used: it is {kind}, not a file."
    assert Path("/etc/passwd").read_bytes() == before


@pytest.mark.parametrize("suffix", [".age", ".age.json", ".age.part"])
def test_encrypting_writes_through_no_link(suffix: str, spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    plain = spool.open(Declared("a-1", "a", "a/a.zip", 0, 0), md5=False)
    plain.verify()
    (spool.folder / f"a-1.{'0' * 16}{suffix}").symlink_to(tmp_path / "precious")
    file = spool.encrypted(plain, "0" * 16, md5=False)
    assert file.load() is None
    made = file.make(lambda _, target: target.write(b"secret"), lambda _: "sealed")
    assert made.size == 6
    assert (tmp_path / "precious").read_bytes() == b"precious"
    again = file.load()
    assert again is not None
    plain.close()


def test_what_a_run_of_another_user_left_is_put_aside(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = spool.folder / "a-1.spool"
    path.write_bytes(b"root's")
    give(path, user=12345)
    opening = os.open
    refused: list[str] = []

    def _refuse(name: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if name == path.name and not refused:
            refused.append(name)
            raise PermissionError(13, "Permission denied")
        return opening(name, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", _refuse)
    archive = spool.open(declared(), md5=False)
    assert archive.resume() == 0
    archive.close()
    assert path.with_name("a-1.spool.of-user-12345").read_bytes() == b"root's"
    assert "belongs to user 12345" in caplog.text
