"""The sources on a server share its connections, and what they were told."""

from collections import Counter
from collections.abc import Callable

import pytest

from labferry.testing.rspace import ALICE_KEY, BOB_KEY, SimulatedRSpace
from labferry_rspace import RSpaceSource

Connect = Callable[..., RSpaceSource]


def asked(server: SimulatedRSpace) -> Counter[tuple[str, str]]:
    """How often each key asked for each path."""
    return Counter(
        (key, request.path)
        for request in server.requests
        for key in (ALICE_KEY, BOB_KEY)
        if request.carries(key)
    )


def test_a_key_is_asked_for_its_owner_once_whichever_sources_have_it(
    server: SimulatedRSpace, connect: Connect
) -> None:
    sources = [connect(server, key) for key in (ALICE_KEY, ALICE_KEY, BOB_KEY, ALICE_KEY)]

    lanes = [source.lanes()[0].partition("@")[0] for source in sources]

    assert lanes == ["alice", "alice", "bob", "alice"]
    assert set(asked(server).values()) == {1}


def test_the_version_is_asked_for_once(server: SimulatedRSpace, connect: Connect) -> None:
    for number in (1, 2, 3):
        source = connect(server, scope="selection", selections=[number])
        source.plan(source.lanes())

    assert [count for (_, path), count in asked(server).items() if path.endswith("/status")] == [1]


def test_who_closes_a_source_takes_nothing_from_the_others(
    server: SimulatedRSpace, connect: Connect
) -> None:
    first, second = connect(server), connect(server)
    first.lanes()
    first.close()
    first.close()

    assert second.plan(second.lanes())


@pytest.mark.parametrize("other", [{"read_timeout": "4s"}, {"connect_timeout": "3s"}])
def test_other_settings_are_another_client(
    server: SimulatedRSpace, connect: Connect, other: dict[str, str]
) -> None:
    client = connect(server)._session.client

    assert connect(server)._session.client is client
    assert connect(server, **other)._session.client is not client


def test_after_the_last_source_a_new_one_asks_anew(
    server: SimulatedRSpace, connect: Connect
) -> None:
    for _ in range(2):
        source = connect(server)
        source.lanes()
        source.close()

    assert set(asked(server).values()) == {2}
