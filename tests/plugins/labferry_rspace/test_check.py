import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from labferry.sdk import (
    Finding,
    InvalidAnswerError,
    LabferryError,
    NotFoundError,
    RefusedError,
    Severity,
)
from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    LAB_ADMIN_KEY,
    OUTSIDER_KEY,
    PI_KEY,
    SYSADMIN_KEY,
    Answer,
    Fault,
    Options,
    SimulatedRSpace,
)
from labferry_rspace import RSpaceSource
from labferry_rspace.address import Address
from labferry_rspace.client import Client
from labferry_rspace.lanes import Credentials
from labferry_rspace.preflight import findings

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]


def severities(found: Sequence[Finding]) -> set[Severity]:
    return {finding.severity for finding in found}


def test_a_good_configuration_is_told_in_words(server: SimulatedRSpace, connect: Connect) -> None:
    found = list(connect(server, PI_KEY, scope="group", id="Chem Lab").check())
    text = "\n".join(finding.message for finding in found)
    assert severities(found) == {Severity.OK}
    assert f"RSpace 2.26.0 answers at {server.url}" in text
    assert "as pi@" in text
    assert "group Chem Lab" in text


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"scope": "group"},
        {"scope": "selection", "selections": [202]},
        {"scope": "search", "query": "titration"},
        {"scope": "all-users"},
        {"scope": "all-groups"},
    ],
)
def test_no_export_is_started(
    server: SimulatedRSpace, connect: Connect, settings: dict[str, object]
) -> None:
    key = PI_KEY if settings.get("scope") == "group" else SYSADMIN_KEY
    assert severities(list(connect(server, key, **settings).check())) == {Severity.OK}
    assert server.exports == []
    assert all(request.method == "GET" for request in server.requests)


def test_only_the_first_of_many_exports_are_named(
    server: SimulatedRSpace, connect: Connect
) -> None:
    *_, last = connect(server, SYSADMIN_KEY, scope="all-users").check()
    assert last.message.endswith("and 4 more.")


def test_a_refused_key_is_an_error_beside_those_that_work(
    server: SimulatedRSpace, connect: Connect
) -> None:
    found = list(connect(server, api_keys=[ALICE_KEY, "unknownUnknown1234", BOB_KEY]).check())
    (error,) = [finding for finding in found if finding.severity is Severity.ERROR]
    assert "key 2 of 3" in error.message


def test_a_search_that_finds_nothing_is_an_error(server: SimulatedRSpace, connect: Connect) -> None:
    found = list(connect(server, scope="search", query="no such words").check())
    assert found[-1] == Finding(Severity.ERROR, "The search finds 0 documents.")


def test_a_group_is_named(server: SimulatedRSpace, connect: Connect) -> None:
    server.world.groups[0] = replace(server.world.groups[0], public=False)
    *_, last = connect(server, SYSADMIN_KEY, scope="group", id=1234).check()
    assert last == Finding(Severity.OK, "Group 1234 is Chem Lab.")


@pytest.mark.parametrize(
    ("key", "number", "error", "words"),
    [
        (SYSADMIN_KEY, 9999, NotFoundError, "no group 9999"),
        (OUTSIDER_KEY, 1234, NotFoundError, "no group 1234, or outsider@"),
        (ALICE_KEY, 1234, RefusedError, "Group 1234 .Chem Lab. can't be exported with alice@"),
        (ALICE_KEY, "Chem Lab", RefusedError, "can't be exported"),
    ],
)
def test_a_group_that_can_not_be_exported_is_named_before_any_export(
    server: SimulatedRSpace,
    connect: Connect,
    key: str,
    number: int | str,
    error: type[LabferryError],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        list(connect(server, key, scope="group", id=number).check())


@pytest.mark.parametrize("key", [LAB_ADMIN_KEY, PI_KEY])
def test_a_group_may_be_exported_with_one_of_several_keys(
    server: SimulatedRSpace, connect: Connect, key: str
) -> None:
    source = connect(server, api_keys=[ALICE_KEY, key], scope="group", id=1234)
    assert severities(list(source.check())) == {Severity.OK}


def test_a_group_that_is_seen_from_outside_may_or_may_not_be_exported(
    server: SimulatedRSpace, connect: Connect
) -> None:
    seen = {"id": 7, "name": "Physics", "type": "LAB_GROUP", "members": []}
    answer = Answer(200, json.dumps(seen).encode(), "application/json")
    server.faults.add(Fault("groups", answer, times=None))
    *_, last = connect(server, scope="group", id=7).check()
    assert last.severity is Severity.WARNING
    assert "Group 7 is Physics. RSpace does not say whether alice@" in last.message


@pytest.mark.parametrize(
    ("key", "settings", "error"),
    [
        ("unknownUnknown1234", {}, RefusedError),
        (ALICE_KEY, {"scope": "group"}, RefusedError),
        (ALICE_KEY, {"scope": "group", "id": "Physics"}, NotFoundError),
        (ALICE_KEY, {"scope": "all-users"}, RefusedError),
    ],
)
def test_what_an_export_would_meet_is_raised(
    server: SimulatedRSpace,
    connect: Connect,
    key: str,
    settings: dict[str, object],
    error: type[LabferryError],
) -> None:
    with pytest.raises(error):
        list(connect(server, key, **settings).check())


def test_a_server_too_old_for_the_scope_is_an_error(serve: Serve, connect: Connect) -> None:
    source = connect(serve(Options(version="1.68.0")), scope="selection", selections=[1])
    with pytest.raises(InvalidAnswerError, match=r"1\.69\.19"):
        list(source.check())


def test_http_to_another_machine_is_warned_about(server: SimulatedRSpace, connect: Connect) -> None:
    settings = connect(server).settings
    client = Client(Address.parse("http://rspace.example.edu"), settings)
    first = next(findings(client, settings, Credentials("lab", settings.keys, client)))
    assert first.severity is Severity.WARNING
    assert "not encrypted" in first.message
