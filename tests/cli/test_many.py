"""Several sources and destinations, and which of them a run is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from labferry.testing.rspace import JobTiming, Options, SimulatedRSpace, User

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Source
    from tests.lab import Lab

SYNCS = {
    "near": {"sources": ["alice", "bob"], "destinations": ["nas"]},
    "far": {"sources": ["bob"], "destinations": ["offsite"]},
}


@pytest.fixture
def laboratory(lab: Lab, server: SimulatedRSpace, source: Source) -> Lab:
    """Two sources, two destinations, two syncs."""
    sources = {"alice": source(server), "bob": source(server, "BOB_KEY")}
    lab.write(sources, ["nas", "offsite"], syncs=SYNCS)
    return lab


def _stored(lab: Lab, destination: str) -> list[str]:
    return sorted(path.split("/")[0] for path in map(str, _keys(lab, destination)))


def _keys(lab: Lab, destination: str) -> list[str]:
    root = lab.destination(destination)
    return [str(path.relative_to(root)) for path in lab.archives(destination)]


def test_without_syncs_everything_goes_everywhere(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write(
        {"alice": source(server), "bob": source(server, "BOB_KEY")}, ["nas", "offsite", "third"]
    )

    assert lab.run("sync").code == 0

    assert len(server.exports) == 2
    assert [_stored(lab, name) for name in ("nas", "offsite", "third")] == [["alice", "bob"]] * 3
    assert _keys(lab, "nas") == _keys(lab, "third")


@pytest.mark.parametrize(
    ("names", "near", "far"),
    [
        ((), ["alice", "bob"], ["bob"]),
        (("near",), ["alice", "bob"], []),
        (("bob",), ["bob"], ["bob"]),
        (("alice", "far"), ["alice"], ["bob"]),
    ],
)
def test_names_choose_among_syncs_and_sources(
    laboratory: Lab, names: tuple[str, ...], near: list[str], far: list[str]
) -> None:
    assert laboratory.run("sync", *names).code == 0

    assert (_stored(laboratory, "nas"), _stored(laboratory, "offsite")) == (near, far)


def test_an_unknown_name_is_refused_before_anything_begins(
    laboratory: Lab, server: SimulatedRSpace
) -> None:
    done = laboratory.run("sync", "alcie")

    assert done.code == 2
    assert "no sync or source 'alcie'" in done.err
    assert 'Did you mean "alice"? Known syncs and sources: near, far, alice, bob.' in done.err
    assert server.requests == []
    assert not laboratory.state.exists()


def test_two_keys_run_side_by_side(lab: Lab, serve: Serve, source: Source) -> None:
    server = serve(Options(timing=JobTiming(run=1.0)))
    lab.write({"lab": source(server, api_keys=[{"env": "ALICE_KEY"}, {"env": "BOB_KEY"}])})

    assert lab.run("sync").code == 0

    first, second = server.exports
    assert {first.user, second.user} == {"alice", "bob"}
    assert abs(second.at - first.at) < 1.0
    assert len(lab.archives()) == 2


def test_sources_with_one_key_take_turns(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    lab.write({"all": source(server), "page": source(server, format="html")})

    assert lab.run("sync").code == 0

    assert [request.status for request in server.requests if request.kind == "submit"] == [202, 202]
    assert len(lab.archives()) == 2


def test_a_dry_run_tells_the_plan_and_changes_nothing(
    laboratory: Lab, server: SimulatedRSpace
) -> None:
    before = {path: path.stat().st_mtime_ns for path in laboratory.folder.rglob("*")}

    done = laboratory.run("sync", "--dry-run")

    assert done.code == 0
    assert done.out.splitlines() == [
        "alice: work of alice → nas",
        "bob: work of bob → nas, offsite",
    ]
    assert server.exports == []
    assert {path: path.stat().st_mtime_ns for path in laboratory.folder.rglob("*")} == before


def test_a_dry_run_as_json(laboratory: Lab) -> None:
    document = laboratory.run("sync", "--dry-run", "--json", "far").document

    assert document["command"] == "sync"
    assert document["dry_run"] is True
    assert document["problems"] == []
    assert document["exports"] == [
        {"source": "bob", "series": "user", "title": "work of bob", "destinations": ["offsite"]}
    ]


def test_a_dry_run_with_a_wrong_key_fails(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server, "WRONG_KEY")})

    done = lab.run("sync", "--dry-run")

    assert done.code == 5
    assert done.err.count("HTTP 401") == 1


def test_a_dry_run_says_what_the_server_does_not_list(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    server.world.users += [User(1000 + n, f"user{n}", f"{n:020d}") for n in range(400)]
    lab.write({"everybody": source(server, "SYSADMIN_KEY", scope="all-users")})

    done = lab.run("sync", "--dry-run")
    document = lab.run("sync", "--dry-run", "--json").document

    assert done.code == document["exit_code"] == 3
    assert "everybody: RSpace counts 407 accounts but lists only" in done.err
    assert len(done.out.splitlines()) == len(document["exports"])
    (problem,) = document["problems"]
    assert problem["message"] in done.err


def test_one_source_that_fails_does_not_stop_the_others(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"alice": source(server), "lost": source(server, "WRONG_KEY")})

    done = lab.run("sync")

    assert done.code == 3
    assert [line for line in done.messages if "lost" in line]
    assert _stored(lab, "nas") == ["alice"]


def test_one_destination_that_fails_gets_the_archive_from_the_next_run(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"alice": source(server)}, ["nas", "offsite"])
    lab.destination("offsite").rmdir()

    first = lab.run("sync")
    (early,) = _keys(lab, "nas")
    lab.destination("offsite").mkdir()
    second = lab.run("sync")

    assert (first.code, second.code) == (3, 0)
    assert first.err.count("There is no folder") == 1
    assert "offsite" in first.err
    assert early in _keys(lab, "offsite")
    assert _keys(lab, "nas") == _keys(lab, "offsite")


def test_a_destination_that_is_not_required_fails_with_a_warning(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.destination("nas").mkdir()
    lab.write({"alice": source(server)}, {"nas": {}, "usb": {"required": False}})

    done = lab.run("sync")

    assert done.code == 0
    assert "labferry: warning: alice: work of alice: usb: There is no folder" in done.err
    assert _stored(lab, "nas") == ["alice"]
    assert lab.run("sync", "-q").err == ""


def test_work_of_a_refused_key_is_missed(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    keys = [{"env": "ALICE_KEY"}, {"env": "WRONG_KEY"}]
    lab.write({"lab": source(server, api_keys=keys)})

    done = lab.run("sync")

    assert done.code == 3
    assert "key 2 of 2 from env WRONG_KEY is left out" in done.err
    assert len(lab.archives()) == 1
