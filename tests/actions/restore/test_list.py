"""`labferry list`, from the destinations alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from labferry.actions.list import Listing, list_stored
from labferry.runtime.stop import Stop
from labferry.sdk import StoredArchive, Stray, StrayKind, TransientError
from labferry_local import LocalSink

from .conftest import FIRST, RestoreLab


def _listed(lab: RestoreLab, **how: object) -> Listing:
    return list_stored(lab.session, Stop(), **how)  # type: ignore[arg-type] # as given


def test_it_shows_what_is_stored_with_the_newest_last(lab: RestoreLab) -> None:
    lab.configure("nas", "offsite")
    new, old = lab.store("nas", day=3), lab.store("nas", "bio", day=1)
    lab.store("offsite", day=3)
    done = lab.run("list")
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


def test_the_document_has_all_of_it(lab: RestoreLab) -> None:
    put = lab.store("nas")
    (entry,) = lab.run("list", "--json").document["archives"]
    assert entry["archive_id"] == put.id
    assert entry["sha256"] == put.sha256
    assert entry["size"] == len(put.content)
    assert datetime.fromisoformat(entry["taken"]) == FIRST
    assert entry["key"] == f"chem/2026/{put.id}.zip"
    assert entry["is_encrypted"] is False
    assert entry["last_verified"] is None


def test_verbose_shows_whole_digests(lab: RestoreLab) -> None:
    put = lab.store("nas")
    assert put.sha256 in lab.run("list", "-v").out


@pytest.mark.parametrize(
    ("how", "days"),
    [
        ({"source": "chem"}, [0, 2]),
        ({"since": FIRST + timedelta(days=1)}, [1, 2]),
        ({"since": FIRST + timedelta(days=1, seconds=1)}, [2]),
    ],
)
def test_it_can_be_narrowed_down(lab: RestoreLab, how: dict[str, object], days: list[int]) -> None:
    for day, source in enumerate(("chem", "bio", "chem")):
        lab.store("nas", source, day=day)
    copies = _listed(lab, **how).copies
    assert [(copy.taken - FIRST).days for copy in copies] == days


def test_a_source_that_nobody_knows_is_a_slip_and_no_empty_list(lab: RestoreLab) -> None:
    lab.store("nas", "chem-lab")
    done = lab.run("list", "--source", "chemlab", "--json")
    assert done.code == 2
    (problem,) = done.document["problems"]
    assert problem["message"].startswith("There is no source 'chemlab' in ")
    assert problem["hint"] == 'Did you mean "chem-lab"? Known sources: chem-lab.'


def test_a_source_that_is_configured_or_stored_is_known(lab: RestoreLab) -> None:
    source = '[sources.bio]\ntype = "rspace"\nurl = "https://rspace.example.edu"\n'
    lab.configure("nas", more=f'{source}api_key = {{ env = "NOT_SET" }}\n')
    put = lab.store("nas", "chem")
    done = lab.run("list", "--source", "bio")
    assert (done.code, done.err) == (0, "labferry: No archive is stored.\n")
    assert put.id in lab.run("list", "--source", "chem").out


def test_a_source_may_be_known_to_a_destination_that_cannot_be_asked(lab: RestoreLab) -> None:
    lab.configure("nas", "offsite")
    (lab.folder / "nas").rmdir()
    done = lab.run("list", "--source", "chem")
    assert done.code == 3
    assert "There is no source" not in done.err


def test_one_destination_alone(lab: RestoreLab) -> None:
    lab.configure("nas", "offsite")
    lab.store("nas")
    put = lab.store("offsite", day=1)
    (copy,) = _listed(lab, destination="offsite").copies
    assert copy.archive_id == put.id
    done = lab.run("list", "offsit")
    assert done.code == 2
    assert 'Did you mean "offsite"? Known destinations: nas, offsite.' in done.err


def test_a_destination_that_fails_is_named_and_the_others_are_listed(lab: RestoreLab) -> None:
    lab.configure("nas", "offsite")
    put = lab.store("offsite")
    (lab.folder / "nas").rmdir()
    done = lab.run("list")
    assert done.code == 3
    assert put.id in done.out
    assert "nas: There is no folder" in done.err
    done = lab.run("list", "nas", "--json")
    assert done.code == 1
    assert "There is no folder" in done.document["problems"][0]["message"]


def test_nothing_stored_is_said(lab: RestoreLab) -> None:
    done = lab.run("list")
    assert (done.code, done.out, done.err) == (0, "", "labferry: No archive is stored.\n")


def test_strays_are_shown_when_asked_for_and_not_touched(lab: RestoreLab) -> None:
    put = lab.store("nas")
    lost = lab.store("nas", day=1)
    lost.manifest.unlink()
    gone = lab.store("nas", day=2)
    gone.path.unlink()
    (lab.folder / "nas" / "holiday.jpg").write_bytes(b"sun")
    before = lab.files(lab.folder / "nas")
    assert "holiday" not in lab.run("list").out
    done = lab.run("list", "--all")
    assert put.id in done.out
    table = done.out.partition("DESTINATION  KIND")[2]
    for word in ("archive without manifest", "manifest without archive", "foreign"):
        assert word in table
    assert lab.files(lab.folder / "nas") == before
    kinds = {each["kind"] for each in lab.run("list", "--all", "--json").document["strays"]}
    assert kinds == {"foreign", "archive without manifest", "manifest without archive"}


def test_strays_of_any_destination_are_shown_with_what_it_knows_of_them(
    lab: RestoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = Stray(StrayKind.UNFINISHED, "chem/a.zip", 3, datetime(2026, 1, 2, tzinfo=UTC), "id")
    monkeypatch.setattr(LocalSink, "strays", lambda _: iter([stray]))
    assert _listed(lab, strays=True).strays == {"nas": [stray]}
    assert _listed(lab).strays == {}


def test_a_destination_that_is_busy_is_asked_again(
    lab: RestoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = lab.store("nas")
    stored = lab.listed("nas")
    answers: list[object] = [TransientError("Not now."), TransientError("Not now."), stored]

    def answer(_: LocalSink) -> Iterator[StoredArchive]:
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return iter(stored)

    monkeypatch.setattr(LocalSink, "list", answer)
    (copy,) = _listed(lab).copies
    assert copy.archive_id == put.id


@pytest.mark.parametrize("when", ["yesterday", "2026-13-01", "7", "-1d"])
def test_a_moment_that_is_none_is_refused(lab: RestoreLab, when: str) -> None:
    done = lab.run("list", "--since", when)
    assert done.code == 2
    assert "2026-03-01" in done.err


def test_a_time_ago_is_a_moment(lab: RestoreLab) -> None:
    old = lab.store("nas")
    days = (datetime.now(UTC) - FIRST).days
    assert old.id in lab.run("list", "--since", f"{days + 1}d").out
    assert lab.run("list", "--since", f"{days - 1}d").out == ""
