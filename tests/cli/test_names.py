"""Everything that shows an archive says whose work it is, and nothing else tells."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from labferry.testing.rspace import Answer, Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Source
    from tests.lab import Lab

    from labferry.testing.rspace import SimulatedRSpace

ALICE, BOB = "Alice Archer (alice)", "Bob Breslow (bob)"
BOTH = {"Alice Archer", "Bob Breslow"}
HOSTILE = "<script>x</script>\x1b[31m\u202e"


def call(server: SimulatedRSpace, first: str, last: str) -> None:
    """Give alice another name."""
    users = server.world.users
    place = next(place for place, user in enumerate(users) if user.username == "alice")
    users[place] = replace(users[place], first_name=first, last_name=last)


@pytest.fixture
def everybody(lab: Lab, server: SimulatedRSpace, source: Source) -> Lab:
    """A laboratory that exports two people's work, each for itself."""
    call(server, "Alice", "Archer")
    keys = source(server, "SYSADMIN_KEY", scope="all-users", include=["alice", "bob"])
    lab.write({"everybody": {**keys, "skip_unchanged": True}})
    return lab


def sync(lab: Lab) -> None:
    done = lab.run("sync")
    assert done.code == 0, done.text


def names_of(documents: list[dict[str, Any]]) -> set[str]:
    return {each["names"]["full_name"] for each in documents}


def forget(lab: Lab) -> None:
    """Be a machine that knows the destinations only."""
    shutil.rmtree(lab.state)


def test_every_verb_says_whose_work_it_is(everybody: Lab) -> None:
    lab = everybody
    sync(lab)
    listed = lab.run("list")
    assert (ALICE in listed.out, BOB in listed.out) == (True, True)
    archives = lab.run("list", "--json").document["archives"]
    assert {"username": "alice", "full_name": "Alice Archer", "group_name": None} in [
        each["names"] for each in archives
    ]
    assert "2 users" in lab.run("status").out
    (standing,) = lab.run("status", "--json").document["standings"]
    assert names_of([{"names": each} for each in standing["names"]]) == {
        "Alice Archer",
        "Bob Breslow",
    }
    assert standing["never_stored"] == []

    alice = next(each["archive_id"] for each in archives if each["names"]["username"] == "alice")
    unclear = lab.run("restore", "latest", "--to", "a.zip")
    assert unclear.code == 2
    assert f"{alice} ({ALICE})" in unclear.err
    assert f"{alice}, work of {ALICE} (" in lab.run("restore", alice, "--to", "a.zip").out
    assert f"{alice}, work of {ALICE} (" in lab.run("restore", alice, "--to", "a.zip").out
    restored = lab.run("restore", alice, "--to", "b.zip", "--json").document["restored"]
    assert restored["names"]["full_name"] == "Alice Archer"
    drilled = lab.run("drill")
    assert re.search(r"archive \| work of \| recovery point", drilled.out)
    assert names_of(lab.run("drill", "--json").document["trials"]) <= BOTH
    assert lab.run("report", "--html", "page.html").code == 0
    page = (lab.folder / "page.html").read_text(encoding="utf-8")
    assert (page.count(ALICE) > 2, page.count(BOB) > 2, "2 users" in page) == (True, True, True)


def test_the_name_of_one_person_stands_in_the_status(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write(
        {"mine": source(server), "chem": source(server, "PI_KEY", scope="group", id="Chem Lab")}
    )
    sync(lab)
    shown = lab.run("status").out
    assert ("Alice Ames (alice)" in shown, "Chem Lab" in shown) == (True, True)
    assert (
        "work of Chem Lab" in lab.run("restore", "latest", "--source", "chem", "--to", "c.zip").out
    )


def test_the_newest_name_is_shown_also_if_nothing_new_was_stored(
    everybody: Lab, server: SimulatedRSpace
) -> None:
    lab = everybody
    sync(lab)
    call(server, "Alice", "Brown")
    sync(lab)
    assert len(lab.archives()) == 2
    for verb in (["list"], ["restore", "latest", "--to", "x.zip"]):
        arguments = [*verb, "--json"]
        if verb[0] == "restore":
            archives = lab.run("list", "--json").document["archives"]
            arguments[1] = next(
                each["archive_id"] for each in archives if each["names"]["username"] == "alice"
            )
        shown = lab.run(*arguments).out
        assert ("Alice Brown" in shown, "Alice Archer" in shown) == (True, False)
    (standing,) = lab.run("status", "--json").document["standings"]
    assert "Alice Brown" in {each["full_name"] for each in standing["names"]}


def test_without_a_ledger_the_newest_manifest_names_all_of_a_series(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"mine": source(server)})
    sync(lab)
    call(server, "Alice", "Brown")
    sync(lab)
    forget(lab)
    archives = lab.run("list", "--json").document["archives"]
    assert (len(archives), names_of(archives)) == (2, {"Alice Brown"})


def test_an_encrypted_destination_tells_no_name(
    everybody: Lab, server: SimulatedRSpace, tmp_path: Path
) -> None:
    pyrage = pytest.importorskip("pyrage")
    identity = pyrage.x25519.Identity.generate()
    lab, key = everybody, tmp_path / "age.txt"
    key.write_text(f"{identity}\n", encoding="utf-8")
    key.chmod(0o600)
    encrypt = f'encrypt = {{ recipients = ["{identity.to_public()}"] }}'
    config = lab.config.read_text("utf-8")
    lab.config.write_text(f"{config}{encrypt}\n", encoding="utf-8")
    sync(lab)
    for name in ("Alice", "Archer", "Bob Breslow", "alice", "bob"):
        found = [path for path in lab.holds(name) if path.is_relative_to(lab.destination())]
        assert found == [], name
        assert not [path for path in lab.files() if name in path]

    # This machine knows them.
    archives = lab.run("list", "--json").document["archives"]
    assert names_of(archives) == BOTH
    assert ALICE in lab.run("list").out
    # Any other needs the private key.
    forget(lab)
    assert "WORK OF" not in lab.run("list").out
    sealed = {
        lab.run(
            *("restore", each["archive_id"], "--to", f"{number}.zip", "--json"),
            *("--identity", str(key)),
        ).document["restored"]["names"]["full_name"]
        for number, each in enumerate(archives)
    }
    assert sealed == BOTH
    (trial,) = lab.run("drill", "--identity", str(key), "--json").document["trials"]
    assert trial["names"]["full_name"] in sealed


def test_names_can_neither_command_a_terminal_nor_a_browser(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    call(server, HOSTILE, "| x\n" * 1000)
    lab.write({"mine": source(server)})
    sync(lab)
    for verb in (["list"], ["status"], ["drill"], ["restore", "latest", "--to", "x.zip"]):
        shown = lab.run(*verb).out
        assert "<script>" in shown.replace("\\", "")
        assert not {"\x1b", "\u202e"} & {*shown}
    terminal = lab.run_on_terminal("list").out
    assert all(len(line) <= 80 for line in terminal.splitlines())
    assert lab.run("report", "--html", "page.html").code == 0
    assert "<script>" not in (lab.folder / "page.html").read_text(encoding="utf-8")


def test_absurd_names_in_a_manifest_make_it_none_of_labferrys(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"mine": source(server)})
    sync(lab)
    forget(lab)
    (archive,) = lab.archives()
    manifest = archive.with_name(f"{archive.name}.manifest.json")
    document = json.loads(manifest.read_text("utf-8"))
    document["source"]["names"]["full_name"] = HOSTILE
    manifest.write_text(json.dumps(document), encoding="utf-8")
    listed = lab.run("list")
    assert "<script>x</script>[31m (alice)" in listed.out
    document["source"]["names"]["full_name"] = "x" * 256
    manifest.write_text(json.dumps(document), encoding="utf-8")
    listed = lab.run("list")
    assert "not a manifest that this labferry can read" in listed.err
    assert archive.stem not in listed.out


def test_the_archives_of_a_notebook_without_names_look_as_ever(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"mine": source(server, scope="selection", selections=[202])})
    sync(lab)
    for verb in (["list"], ["status"], ["drill"]):
        assert "work of" not in lab.run(*verb).out.lower()
    restored = lab.run("restore", "latest", "--to", "x.zip", "--json").document["restored"]
    assert restored["names"] == {"username": None, "full_name": None, "group_name": None}
    (archive,) = lab.archives()
    manifest = archive.with_name(f"{archive.name}.manifest.json").read_text("utf-8")
    assert "names" not in json.loads(manifest)["source"]


def test_status_names_those_of_whom_nothing_was_ever_stored(
    everybody: Lab, server: SimulatedRSpace
) -> None:
    lab = everybody
    lab.config.write_text(
        lab.config.read_text("utf-8").replace('["alice", "bob"]', '["alice"]'), encoding="utf-8"
    )
    sync(lab)
    lab.config.write_text(
        lab.config.read_text("utf-8").replace('["alice"]', '["alice", "bob"]'), encoding="utf-8"
    )
    fail(server)
    assert lab.run("sync").code != 0
    shown = lab.run("status")
    assert f"the work of {BOB} was never stored" in shown.out
    (standing,) = lab.run("status", "--json").document["standings"]
    assert [each["full_name"] for each in standing["never_stored"]] == ["Bob Breslow"]


def fail(server: SimulatedRSpace) -> None:
    """Let no export be made any more."""
    server.faults.add(Fault("submit", Answer(422), times=None))
