"""A client for the tests of the simulated InvenioRDM: plain httpx, without cookies."""

import ssl
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import pytest
from tests.servers.invenio import InvenioOptions, SimulatedInvenio

ACCEPT = "application/vnd.inveniordm.v1+json, application/json;q=0.9"
BYTES = {"Content-Type": "application/octet-stream"}
# Made once: httpx would read the system's certificates anew for every client.
TLS = ssl.create_default_context()


def metadata(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """What is enough to publish."""
    person = {"type": "personal", "family_name": "Curie", "given_name": "Marie"}
    return {
        "title": "Backup of a notebook",
        "resource_type": {"id": "dataset"},
        "creators": [{"person_or_org": person}],
        "publication_date": "2026-11-24",
        "publisher": "Radium Institute",
        "identifiers": [{"scheme": "other", "identifier": "labferry:0123"}],
        **more,
    }


class Caller:
    """One user's client; paths are below ``/api``."""

    def __init__(self, server: SimulatedInvenio, token: str | None) -> None:
        self.server = server
        headers = {"Accept": ACCEPT} | ({"Authorization": f"Bearer {token}"} if token else {})
        jar = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self.http = httpx.Client(
            base_url=f"{server.url}/api", headers=headers, cookies=jar, verify=TLS, timeout=10
        )

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        return self.http.request(method, path, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - as above
        return self.call("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - as above
        return self.call("POST", path, **more)

    def draft(self, **more: Any) -> str:  # noqa: ANN401 - JSON
        """A new draft's id; ``metadata`` and ``access`` may be given."""
        body = {"metadata": metadata(), "files": {"enabled": True}, **more}
        response = self.post("/records", json=body)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def register(self, draft: str, *keys: str) -> httpx.Response:
        return self.post(f"/records/{draft}/draft/files", json=[{"key": key} for key in keys])

    def send(self, draft: str, key: str, data: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        path = f"/records/{draft}/draft/files/{key}/content"
        return self.call("PUT", path, content=data, headers=BYTES)

    def commit(self, draft: str, key: str) -> httpx.Response:
        return self.post(f"/records/{draft}/draft/files/{key}/commit")

    def store(self, draft: str, key: str = "data.zip", data: bytes = b"12345") -> None:
        """Register, send and commit."""
        assert self.register(draft, key).status_code == 201
        assert self.send(draft, key, data).status_code == 200
        assert self.commit(draft, key).json()["status"] == "completed"

    def publish(self, draft: str) -> httpx.Response:
        return self.post(f"/records/{draft}/draft/actions/publish")

    def published(self, **more: Any) -> str:  # noqa: ANN401 - JSON
        """A new published record's id."""
        draft = self.draft(**more)
        self.store(draft)
        assert self.publish(draft).status_code == 202
        return draft

    def files(self, draft: str) -> dict[str, dict[str, Any]]:
        """The draft's files by key."""
        entries = self.get(f"/records/{draft}/draft/files").json()["entries"]
        return {entry["key"]: entry for entry in entries}

    def find(self, query: str = "", **params: str) -> list[str]:
        """Ids of own records that a search finds, all versions unless told otherwise."""
        asked = {"q": query, "allversions": "true", **params}
        hits = self.get("/user/records", params=asked).json()["hits"]["hits"]
        return [hit["id"] for hit in hits]


Open = Callable[..., Caller]


@pytest.fixture
def open_server() -> Iterator[Open]:
    """Start servers; at the end none may have had an error of its own."""
    callers: list[Caller] = []

    def opened(**options: Any) -> Caller:  # noqa: ANN401 - the options' fields
        server = SimulatedInvenio(InvenioOptions(**options)).start()
        callers.append(Caller(server, server.token))
        return callers[-1]

    yield opened
    for caller in callers:
        caller.http.close()
        caller.server.stop()
        assert caller.server.errors == []
        assert not caller.server.faults.unfired()


@pytest.fixture
def owner(open_server: Open) -> Caller:
    """The user of a plain InvenioRDM."""
    return open_server()


@pytest.fixture
def zenodo(open_server: Open) -> Caller:
    """The user of a Zenodo."""
    return open_server(zenodo=True)


@pytest.fixture
def as_somebody() -> Iterator[Callable[[Caller, str | None], Caller]]:
    """Further callers of the same server: by token, or anonymous."""
    made: list[Caller] = []

    def another(first: Caller, token: str | None) -> Caller:
        made.append(Caller(first.server, token))
        return made[-1]

    yield another
    for caller in made:
        caller.http.close()


Another = Callable[[Caller, str | None], Caller]
