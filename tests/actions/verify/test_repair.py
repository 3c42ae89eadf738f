"""`labferry verify --repair`: from a good copy elsewhere, and never at the cost of that."""

import errno
import hashlib
import io
import signal
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

import pytest
from tests.speed import first_quick

from labferry.sdk import Manifest, StoredArchive
from labferry_local import LocalSink

from .conftest import PATIENCE, VerifyLab

Damage = Callable[[VerifyLab, str], object]

DAMAGES: dict[str, Damage] = {
    "one bit": VerifyLab.damage,
    "other content": lambda lab, name: lab.archive(name).write_bytes(b"not it"),
    "both gone": VerifyLab.remove,
    "archive gone": lambda lab, name: lab.archive(name).unlink(),
    "manifest gone": lambda lab, name: lab.manifest(name).unlink(),
    "manifest no manifest": lambda lab, name: lab.manifest(name).write_text("{}"),
    "manifest edited": lambda lab, name: lab.manifest(name).write_text(
        lab.manifest(name).read_text().replace('"crc32": "', '"crc32": "0').replace('0"', '"', 1)
    ),
}
KILLED = """
import os, signal, sys
from labferry.cli.main import main
from labferry_local import LocalSink

word, done = sys.argv[1], 0
real = getattr(LocalSink, word)

def act(self, *arguments):
    global done
    if word == "open":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(self, *arguments)
    os.kill(os.getpid(), signal.SIGKILL)
    return result

real_list = LocalSink.list
setattr(LocalSink, word, act)
main(["verify", "nas", "--repair", "-c", "labferry.toml"])
"""


@pytest.mark.parametrize("damage", DAMAGES)
def test_good_copy_takes_the_place_of_the_bad_one(lab: VerifyLab, damage: str) -> None:
    first, *_ = lab.sync(2)
    before = lab.contents(), lab.contents("offsite")
    DAMAGES[damage](lab, first)
    done = lab.run("verify", "--repair", "--json")
    assert done.code == 0, done.out
    assert ("nas", first, "repaired") in done.states
    assert (lab.contents(), lab.contents("offsite")) == before
    again = lab.run("verify", "--chain", "--contents", "--json")
    assert (again.code, {state for *_, state in again.states}) == (0, {"good"})
    assert not list((lab.state / "spool").iterdir())


@pytest.mark.parametrize("damage", ["one bit", "other content", "archive gone"])
def test_repair_needs_no_ledger(lab: VerifyLab, damage: str) -> None:
    first, *_ = lab.sync(2)
    before = lab.contents()
    lab.forget()
    DAMAGES[damage](lab, first)
    done = lab.run("verify", "nas", first, "--repair")
    assert done.code == 0, done.err
    assert lab.contents() == before
    assert lab.run("verify", "--chain").code == 0


def test_nothing_is_touched_where_no_good_copy_is_left(lab: VerifyLab) -> None:
    first, second = lab.sync(2)
    lab.damage(first)
    lab.damage(first, "offsite")
    before = lab.contents(), lab.contents("offsite")
    done = lab.run("verify", "--repair", "--json")
    assert done.code == 4
    assert {state for _, name, state in done.states if name == first} == {"damaged"}
    assert {state for _, name, state in done.states if name == second} == {"good"}
    assert (lab.contents(), lab.contents("offsite")) == before
    assert "No other destination has a good copy" in done.out


def test_last_good_copy_is_kept_where_the_manifest_alone_is_wrong(lab: VerifyLab) -> None:
    """The archive itself is good, and the only good one: it must not be removed."""
    (first,) = lab.sync()
    DAMAGES["manifest edited"](lab, first)
    lab.damage(first, "offsite")
    good = lab.archive(first).read_bytes()
    assert lab.run("verify", "--repair").code == 4
    assert lab.archive(first).read_bytes() == good


def test_copies_that_differ_are_not_taken_for_each_other(lab: VerifyLab) -> None:
    """Without a ledger nobody can tell which of two sound copies is the right one."""
    first, second = lab.sync(2)
    lab.forget()
    lab.damage(first)
    for path, other in (
        (lab.archive(first, "offsite"), lab.archive(second, "offsite")),
        (lab.manifest(first, "offsite"), lab.manifest(second, "offsite")),
    ):
        path.write_bytes(other.read_bytes().replace(second.encode(), first.encode()))
    before = lab.contents()
    assert lab.run("verify", "nas", "--repair").code == 4
    assert lab.contents() == before


def test_copy_with_other_bytes_but_the_right_checksum_of_its_server_repairs_nothing(
    lab: VerifyLab,
) -> None:
    (first,) = lab.sync()
    lab.damage(first)
    path = lab.archive(first, "offsite")
    content = bytearray(path.read_bytes())
    # A multiple of its polynomial, which a CRC-32 does not notice.
    for place, byte in enumerate((0x1DB710641).to_bytes(5, "little")):
        content[place + 100] ^= byte
    assert zlib.crc32(content) == zlib.crc32(path.read_bytes())
    path.write_bytes(content)
    before = lab.contents(), lab.contents("offsite")
    assert lab.run("verify", "nas", "--repair").code == 4
    assert (lab.contents(), lab.contents("offsite")) == before


def test_several_copies_are_repaired_both_ways(lab: VerifyLab) -> None:
    first, second, third = lab.sync(3)
    before = lab.contents(), lab.contents("offsite")
    lab.damage(first)
    lab.remove(second, "offsite")
    lab.damage(third, "offsite")
    done = lab.run("verify", "--repair", "-v")
    assert done.code == 0, done.err
    assert "Copies: 3 good, 3 repaired." in done.out
    assert (lab.contents(), lab.contents("offsite")) == before


def test_repaired_copy_counts_as_verified(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    lab.damage(first)
    assert lab.run("verify").code == 4
    broken = lab.ledger(lambda copies: copies.get("nas", first))
    assert lab.run("verify", "--repair").code == 0
    copy = lab.ledger(lambda copies: copies.get("nas", first))
    assert (copy.problem, copy.manifest, copy.place) == ("", broken.manifest, broken.place)
    assert copy.verified_at > broken.checked_at


def test_repair_waits_for_no_run(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    lab.damage(first)
    holder = lab.start_script(
        "import pathlib, time\n"
        "from labferry.runtime.lock import run_lock\n"
        "with run_lock(pathlib.Path('state')):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        done = lab.run("verify", "--repair", "--json")
    finally:
        holder.kill()
        holder.communicate()
    assert done.code == 4
    assert "Another labferry run is at work" in done.out


@pytest.mark.parametrize("damage", first_quick(["one bit", "both gone", "manifest gone"]))
@pytest.mark.parametrize("word", first_quick(["open", "delete", "store", "list"]))
def test_killed_anywhere_the_next_repair_goes_on(lab: VerifyLab, word: str, damage: str) -> None:
    first, *_ = lab.sync(2)
    before = lab.contents(), lab.contents("offsite")
    DAMAGES[damage](lab, first)
    process = lab.start_script(KILLED, word)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL, err
    assert lab.contents("offsite") == before[1]
    done = lab.run("verify", "--repair")
    assert done.code == 0, done.err
    assert (lab.contents(), lab.contents("offsite")) == before
    assert lab.run("verify", "--chain", "--quick").code == 0
    assert lab.sync()[:2] == [first, *lab.ids()[1:2]]


def test_killed_in_the_middle_of_reading_nothing_is_lost(lab: VerifyLab) -> None:
    lab.sync(3)
    before = lab.contents(), lab.contents("offsite")
    process = lab.start_script(KILLED.replace('"--repair"', '"--contents"'), "open")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    assert (lab.contents(), lab.contents("offsite")) == before
    assert lab.run("verify").code == 0


def test_what_a_killed_repair_left_in_the_spool_is_swept_away(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    lab.damage(first)
    process = lab.start_script(KILLED, "delete")
    process.communicate(timeout=PATIENCE)
    assert [path.name for path in (lab.state / "spool").iterdir()] == [f"{first}.repair.spool"]
    lab.sync()
    assert not list((lab.state / "spool").iterdir())


def put_zip(lab: VerifyLab, destinations: Sequence[str], files: Mapping[str, bytes]) -> str:
    """Store the same archive at several destinations, as a source would have it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    (first,) = lab.sync()
    for name in destinations:
        archive, manifest = lab.archive(first, name), lab.manifest(first, name)
        old = Manifest.from_json(manifest.read_bytes(), where="")
        data = buffer.getvalue()
        new = old.model_copy(
            update={
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "crc32": f"{zlib.crc32(data):08x}",
            }
        )
        archive.write_bytes(data)
        manifest.write_bytes(new.to_json())
    lab.forget()
    return first


@pytest.fixture
def no_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be deleted or stored."""

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(LocalSink, "delete", refuse)
    monkeypatch.setattr(LocalSink, "store", refuse)


@pytest.mark.parametrize(
    "files",
    [
        {"work/aux.txt": b"a"},
        {"work/Data.csv": b"a", "work/data.csv": b"b"},
        {"work/Ratio 1\\2.png": b"a"},
        {"work/../../a": b"a"},
        {"x" * 300: b"a"},
    ],
)
def test_a_good_copy_whose_names_some_systems_can_not_have_is_good(
    lab: VerifyLab, request: pytest.FixtureRequest, files: dict[str, bytes]
) -> None:
    put_zip(lab, ("nas", "offsite"), files)
    before = lab.contents(), lab.contents("offsite")
    request.getfixturevalue("no_stores")
    for _ in range(2):
        done = lab.run("verify", "--contents", "--repair", "--json")
        assert (done.code, {state for *_, state in done.states}) == (0, {"good"}), done.out
    assert lab.run("drill").code == 0
    assert (lab.contents(), lab.contents("offsite")) == before


def test_a_copy_that_is_what_was_stored_is_never_replaced(
    lab: VerifyLab, request: pytest.FixtureRequest
) -> None:
    """Even if what was stored can't be unpacked: every other copy is the same."""
    first = put_zip(lab, ("nas", "offsite"), {"work/a": b"a"})
    for name in ("nas", "offsite"):
        manifest = lab.manifest(first, name)
        old = Manifest.from_json(manifest.read_bytes(), where="")
        data = b"no zip"
        lab.archive(first, name).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        changed = {"size": len(data), "sha256": digest, "crc32": f"{zlib.crc32(data):08x}"}
        manifest.write_bytes(old.model_copy(update=changed).to_json())
    before = lab.contents(), lab.contents("offsite")
    request.getfixturevalue("no_stores")
    done = lab.run("verify", "--contents", "--repair", "--json")
    assert (done.code, {state for *_, state in done.states}) == (4, {"damaged"})
    assert "is what was stored, but can't be unpacked" in done.out
    assert lab.run("drill").code == 4
    assert lab.run("verify").code == 0
    assert (lab.contents(), lab.contents("offsite")) == before


class Unreadable(io.BytesIO):
    """What a failing disk has."""

    def read(self, size: int | None = -1, /) -> bytes:
        del size
        raise OSError(errno.EIO, "Input/output error")


@pytest.fixture
def fail_reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let so many reads at `nas` fail."""
    opened = LocalSink.open

    def fail(times: int) -> None:
        left = [times]

        def open_(sink: LocalSink, stored: StoredArchive, offset: int = 0) -> BinaryIO:
            if sink.name == "nas" and left[0]:
                left[0] -= 1
                return Unreadable()
            return opened(sink, stored, offset)

        monkeypatch.setattr(LocalSink, "open", open_)

    return fail


def test_a_read_that_fails_once_is_no_damage(
    lab: VerifyLab, fail_reading: Callable[[int], None]
) -> None:
    lab.sync()
    fail_reading(1)
    assert lab.run("verify").code == 0


def test_every_verb_takes_a_copy_that_can_not_be_read_for_a_bad_one(
    lab: VerifyLab, fail_reading: Callable[[int], None]
) -> None:
    (first,) = lab.sync()
    fail_reading(99)
    assert lab.run("verify", "nas").code == 4
    assert lab.run("verify", "nas", "--contents").code == 4
    assert lab.run("drill").code == 4
    target = str(lab.folder / "back.zip")
    assert lab.run("restore", first, "--from", "nas", "--to", target).code == 4
    lab.configure(nas='verify = { every = "1s" }\n')
    assert lab.run("sync").code == 4
    lab.configure(nas=" ")
    assert lab.run("restore", first, "--to", target).code == 0


def test_a_copy_that_can_be_read_after_all_is_left_as_it_is(
    lab: VerifyLab, request: pytest.FixtureRequest, fail_reading: Callable[[int], None]
) -> None:
    (first,) = lab.sync()
    fail_reading(2)
    request.getfixturevalue("no_stores")
    done = lab.run("verify", "nas", "--repair", "--json")
    assert (done.code, done.states) == (
        0,
        [("nas", first, "damaged"), ("nas", first, "good")],
    )
    assert lab.ledger(lambda copies: copies.get("nas", first)).problem == ""
    assert lab.run("verify").code == 0


def test_a_copy_that_still_can_not_be_read_is_replaced(
    lab: VerifyLab, fail_reading: Callable[[int], None]
) -> None:
    (first,) = lab.sync()
    before = lab.contents()
    fail_reading(4)
    done = lab.run("verify", "nas", "--repair", "--json")
    assert (done.code, done.states[-1]) == (0, ("nas", first, "repaired"))
    assert lab.contents() == before
