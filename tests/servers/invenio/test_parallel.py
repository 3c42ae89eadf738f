"""What parallel requests do: there is no 409 anywhere."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from .conftest import ACCEPT, BYTES, TLS, Caller, Open

WINDOW = 0.05


def at_once(owner: Caller, times: int, act: Callable[[httpx.Client], int]) -> Counter[int]:
    """How often each status came when several connections did the same at the same time."""
    start = threading.Barrier(times)
    headers = {"Accept": ACCEPT, "Authorization": f"Bearer {owner.server.token}"}
    base = f"{owner.server.url}/api"

    def one(_: int) -> int:
        with httpx.Client(base_url=base, headers=headers, verify=TLS) as client:
            start.wait()
            return act(client)

    with ThreadPoolExecutor(times) as pool:
        return Counter(pool.map(one, range(times)))


@pytest.fixture
def owner(open_server: Open) -> Caller:
    return open_server(race_window=WINDOW)


def test_of_parallel_registrations_one_wins_and_others_are_500(owner: Caller) -> None:
    path = f"/records/{owner.draft()}/draft/files"
    statuses = at_once(owner, 3, lambda client: client.post(path, json=[{"key": "a"}]).status_code)
    assert statuses == {201: 1, 500: 2}


def test_of_parallel_publishes_one_wins_and_others_are_500(owner: Caller) -> None:
    draft = owner.draft()
    owner.store(draft)
    path = f"/records/{draft}/draft/actions/publish"
    assert at_once(owner, 3, lambda client: client.post(path).status_code) == {202: 1, 500: 2}


def test_parallel_new_versions_are_as_many_drafts(owner: Caller) -> None:
    path = f"/records/{owner.published()}/versions"
    assert at_once(owner, 6, lambda client: client.post(path).status_code) == {201: 6}
    drafts = owner.server.drafts.values()
    assert len(drafts) == 6
    assert len({draft.parent_id for draft in drafts}) == 1
    assert owner.post(path).json()["id"] in owner.server.drafts
    assert len(owner.server.drafts) == 6


def test_parallel_creations_are_as_many_drafts(owner: Caller) -> None:
    create = {"metadata": {"title": "Backup"}}
    statuses = at_once(owner, 3, lambda client: client.post("/records", json=create).status_code)
    assert statuses == {201: 3}
    assert len(owner.server.drafts) == 3


def test_parallel_uploads_may_get_a_misleading_400(owner: Caller) -> None:
    draft = owner.draft()
    owner.register(draft, "a")
    second: list[int] = []

    def pieces() -> Iterator[bytes]:
        yield b"123"
        _wait_until_busy(owner, draft)
        second.append(owner.send(draft, "a", b"123").status_code)
        yield b"45"

    headers = {**BYTES, "Content-Length": "5", "Authorization": f"Bearer {owner.server.token}"}
    url = f"{owner.server.url}/api/records/{draft}/draft/files/a/content"
    with httpx.Client(verify=TLS) as client:
        first = client.put(url, content=pieces(), headers=headers)
    assert (first.status_code, second) == (200, [400])
    assert owner.commit(draft, "a").json()["size"] == 5


def _wait_until_busy(owner: Caller, draft: str) -> None:
    entry = owner.server._state.records[draft].files["a"]
    deadline = time.monotonic() + 5
    while not entry.busy and time.monotonic() < deadline:
        time.sleep(0.002)
