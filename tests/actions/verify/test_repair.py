"""`labferry verify --repair`: from a good copy elsewhere, and never at the cost of that."""

import signal
from collections.abc import Callable

import pytest

from .conftest import PATIENCE, Lab

Damage = Callable[[Lab, str], object]

DAMAGES: dict[str, Damage] = {
    "one bit": Lab.damage,
    "other content": lambda lab, name: lab.archive(name).write_bytes(b"not it"),
    "both gone": Lab.remove,
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
def test_good_copy_takes_the_place_of_the_bad_one(lab: Lab, damage: str) -> None:
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
def test_repair_needs_no_ledger(lab: Lab, damage: str) -> None:
    first, *_ = lab.sync(2)
    before = lab.contents()
    lab.forget()
    DAMAGES[damage](lab, first)
    done = lab.run("verify", "nas", first, "--repair")
    assert done.code == 0, done.err
    assert lab.contents() == before
    assert lab.run("verify", "--chain").code == 0


def test_nothing_is_touched_where_no_good_copy_is_left(lab: Lab) -> None:
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


def test_last_good_copy_is_kept_where_the_manifest_alone_is_wrong(lab: Lab) -> None:
    """The archive itself is good, and the only good one: it must not be removed."""
    (first,) = lab.sync()
    DAMAGES["manifest edited"](lab, first)
    lab.damage(first, "offsite")
    good = lab.archive(first).read_bytes()
    assert lab.run("verify", "--repair").code == 4
    assert lab.archive(first).read_bytes() == good


def test_copies_that_differ_are_not_taken_for_each_other(lab: Lab) -> None:
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


def test_several_copies_are_repaired_both_ways(lab: Lab) -> None:
    first, second, third = lab.sync(3)
    before = lab.contents(), lab.contents("offsite")
    lab.damage(first)
    lab.remove(second, "offsite")
    lab.damage(third, "offsite")
    done = lab.run("verify", "--repair", "-v")
    assert done.code == 0, done.err
    assert "Copies: 3 good, 3 repaired." in done.out
    assert (lab.contents(), lab.contents("offsite")) == before


def test_repaired_copy_counts_as_verified(lab: Lab) -> None:
    (first,) = lab.sync()
    lab.damage(first)
    assert lab.run("verify").code == 4
    broken = lab.ledger(lambda copies: copies.get("nas", first))
    assert lab.run("verify", "--repair").code == 0
    copy = lab.ledger(lambda copies: copies.get("nas", first))
    assert (copy.problem, copy.manifest, copy.place) == ("", broken.manifest, broken.place)
    assert copy.verified_at > broken.checked_at


def test_repair_waits_for_no_run(lab: Lab) -> None:
    (first,) = lab.sync()
    lab.damage(first)
    holder = lab.start(
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


@pytest.mark.parametrize("damage", ["one bit", "both gone", "manifest gone"])
@pytest.mark.parametrize("word", ["open", "delete", "store", "list"])
def test_killed_anywhere_the_next_repair_goes_on(lab: Lab, word: str, damage: str) -> None:
    first, *_ = lab.sync(2)
    before = lab.contents(), lab.contents("offsite")
    DAMAGES[damage](lab, first)
    process = lab.start(KILLED, word)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL, err
    assert lab.contents("offsite") == before[1]
    done = lab.run("verify", "--repair")
    assert done.code == 0, done.err
    assert (lab.contents(), lab.contents("offsite")) == before
    assert lab.run("verify", "--chain", "--quick").code == 0
    assert lab.sync()[:2] == [first, *lab.ids()[1:2]]


def test_killed_in_the_middle_of_reading_nothing_is_lost(lab: Lab) -> None:
    lab.sync(3)
    before = lab.contents(), lab.contents("offsite")
    process = lab.start(KILLED.replace('"--repair"', '"--contents"'), "open")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    assert (lab.contents(), lab.contents("offsite")) == before
    assert lab.run("verify").code == 0


def test_what_a_killed_repair_left_in_the_spool_is_swept_away(lab: Lab) -> None:
    (first,) = lab.sync()
    lab.damage(first)
    process = lab.start(KILLED, "delete")
    process.communicate(timeout=PATIENCE)
    assert [path.name for path in (lab.state / "spool").iterdir()] == [f"{first}.repair.spool"]
    lab.sync()
    assert not list((lab.state / "spool").iterdir())
