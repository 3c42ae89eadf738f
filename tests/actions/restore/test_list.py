"""`labferry list`, from the destinations alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from labferry.actions.list import Listing, list_stored
from labferry.runtime.stop import Stop
from labferry.sdk import StoredArchive, Stray, StrayKind, TransientError
from labferry_local import LocalSink

from .conftest import FIRST, Machine


def _listed(machine: Machine, **how: object) -> Listing:
    return list_stored(machine.session, Stop(), **how)  # type: ignore[arg-type] # as given


def test_it_shows_what_is_stored_with_the_newest_last(machine: Machine) -> None:
    machine.configure("nas", "offsite")
    new, old = machine.put("nas", day=3), machine.put("nas", "bio", day=1)
    machine.put("offsite", day=3)
    done = machine.run("list")
    head, *rows = [line.split() for line in done.out.splitlines()]
    assert done.code == 0
    assert head[:3] == ["ARCHIVE", "SOURCE", "DESTINATION"]
    assert [row[:3] for row in rows] == [
        [old.id, "bio", "nas"],
        [new.id, "chem", "nas"],
        [new.id, "chem", "offsite"],
    ]
    assert rows[0][3:5] == ["2026-01-03", "03:04"]
    assert new.sha256[:12] in rows[1]
    assert rows[1][-1] == "-"
    assert done.err == ""


def test_the_document_has_all_of_it(machine: Machine) -> None:
    put = machine.put("nas")
    (entry,) = machine.run("list", "--json").document["archives"]
    assert entry["archive_id"] == put.id
    assert entry["sha256"] == put.sha256
    assert entry["size"] == len(put.content)
    assert datetime.fromisoformat(entry["taken"]) == FIRST
    assert entry["key"] == f"chem/2026/{put.id}.zip"
    assert entry["is_encrypted"] is False
    assert entry["last_verified"] is None


def test_verbose_shows_whole_digests(machine: Machine) -> None:
    put = machine.put("nas")
    assert put.sha256 in machine.run("list", "-v").out


@pytest.mark.parametrize(
    ("how", "days"),
    [
        ({"source": "chem"}, [0, 2]),
        ({"since": FIRST + timedelta(days=1)}, [1, 2]),
        ({"since": FIRST + timedelta(days=1, seconds=1)}, [2]),
    ],
)
def test_it_can_be_narrowed_down(machine: Machine, how: dict[str, object], days: list[int]) -> None:
    for day, source in enumerate(("chem", "bio", "chem")):
        machine.put("nas", source, day=day)
    copies = _listed(machine, **how).copies
    assert [(copy.taken - FIRST).days for copy in copies] == days


def test_a_source_that_nobody_knows_is_a_slip_and_no_empty_list(machine: Machine) -> None:
    machine.put("nas", "chem-lab")
    done = machine.run("list", "--source", "chemlab", "--json")
    assert done.code == 2
    (problem,) = done.document["problems"]
    assert problem["message"].startswith("There is no source 'chemlab' in ")
    assert problem["hint"] == 'Did you mean "chem-lab"? Known sources: chem-lab.'


def test_a_source_that_is_configured_or_stored_is_known(machine: Machine) -> None:
    source = '[sources.bio]\ntype = "rspace"\nurl = "https://rspace.example.edu"\n'
    machine.configure("nas", more=f'{source}api_key = {{ env = "NOT_SET" }}\n')
    put = machine.put("nas", "chem")
    done = machine.run("list", "--source", "bio")
    assert (done.code, done.err) == (0, "labferry: No archive is stored.\n")
    assert put.id in machine.run("list", "--source", "chem").out


def test_a_source_may_be_known_to_a_destination_that_cannot_be_asked(machine: Machine) -> None:
    machine.configure("nas", "offsite")
    (machine.folder / "nas").rmdir()
    done = machine.run("list", "--source", "chem")
    assert done.code == 3
    assert "There is no source" not in done.err


def test_one_destination_alone(machine: Machine) -> None:
    machine.configure("nas", "offsite")
    machine.put("nas")
    put = machine.put("offsite", day=1)
    (copy,) = _listed(machine, destination="offsite").copies
    assert copy.archive_id == put.id
    done = machine.run("list", "offsit")
    assert done.code == 2
    assert 'Did you mean "offsite"? Known destinations: nas, offsite.' in done.err


def test_a_destination_that_fails_is_named_and_the_others_are_listed(machine: Machine) -> None:
    machine.configure("nas", "offsite")
    put = machine.put("offsite")
    (machine.folder / "nas").rmdir()
    done = machine.run("list")
    assert done.code == 3
    assert put.id in done.out
    assert "nas: There is no folder" in done.err
    done = machine.run("list", "nas", "--json")
    assert done.code == 1
    assert "There is no folder" in done.document["problems"][0]["message"]


def test_nothing_stored_is_said(machine: Machine) -> None:
    done = machine.run("list")
    assert (done.code, done.out, done.err) == (0, "", "labferry: No archive is stored.\n")


def test_strays_are_shown_when_asked_for_and_not_touched(machine: Machine) -> None:
    put = machine.put("nas")
    lost = machine.put("nas", day=1)
    lost.manifest.unlink()
    gone = machine.put("nas", day=2)
    gone.path.unlink()
    (machine.folder / "nas" / "holiday.jpg").write_bytes(b"sun")
    before = machine.files(machine.folder / "nas")
    assert "holiday" not in machine.run("list").out
    done = machine.run("list", "--all")
    assert put.id in done.out
    table = done.out.partition("DESTINATION  KIND")[2]
    for word in ("archive without manifest", "manifest without archive", "foreign"):
        assert word in table
    assert machine.files(machine.folder / "nas") == before
    kinds = {each["kind"] for each in machine.run("list", "--all", "--json").document["strays"]}
    assert kinds == {"foreign", "archive without manifest", "manifest without archive"}


def test_strays_of_any_destination_are_shown_with_what_it_knows_of_them(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = Stray(StrayKind.UNFINISHED, "chem/a.zip", 3, datetime(2026, 1, 2, tzinfo=UTC), "id")
    monkeypatch.setattr(LocalSink, "strays", lambda _: iter([stray]))
    assert _listed(machine, strays=True).strays == {"nas": [stray]}
    assert _listed(machine).strays == {}


def test_a_destination_that_is_busy_is_asked_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = machine.put("nas")
    stored = machine.listed("nas")
    answers: list[object] = [TransientError("Not now."), TransientError("Not now."), stored]

    def answer(_: LocalSink) -> Iterator[StoredArchive]:
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return iter(stored)

    monkeypatch.setattr(LocalSink, "list", answer)
    (copy,) = _listed(machine).copies
    assert copy.archive_id == put.id


@pytest.mark.parametrize("when", ["yesterday", "2026-13-01", "7", "-1d"])
def test_a_moment_that_is_none_is_refused(machine: Machine, when: str) -> None:
    done = machine.run("list", "--since", when)
    assert done.code == 2
    assert "2026-03-01" in done.err


def test_a_time_ago_is_a_moment(machine: Machine) -> None:
    old = machine.put("nas")
    days = (datetime.now(UTC) - FIRST).days
    assert old.id in machine.run("list", "--since", f"{days + 1}d").out
    assert machine.run("list", "--since", f"{days - 1}d").out == ""
