"""A client for the tests of the simulated server: plain httpx and a little patience."""

import io
import ssl
import time
import zipfile
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

import httpx

from labferry.testing.rspace import ALICE_KEY, Options, SimulatedRSpace, World

DEADLINE = 10.0
# Made once: httpx would read the system's certificates anew for every client.
TLS = ssl.create_default_context()


class Extras(TypedDict, total=False):
    """What httpx takes besides the address."""

    params: Mapping[str, Any]
    headers: Mapping[str, str]
    timeout: float
    follow_redirects: bool


class PostExtras(Extras, total=False):
    data: Mapping[str, Any]


class Caller:
    """A running server and a client for each key."""

    def __init__(self, server: SimulatedRSpace) -> None:
        self.server = server
        self._clients: dict[str, httpx.Client] = {}

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def client(self, key: str = ALICE_KEY) -> httpx.Client:
        if key not in self._clients:
            headers = {"apiKey": key}
            self._clients[key] = httpx.Client(
                base_url=self.server.url, headers=headers, timeout=DEADLINE, verify=TLS
            )
        return self._clients[key]

    def get(self, path: str, key: str = ALICE_KEY, **more: Unpack[Extras]) -> httpx.Response:
        return self.client(key).get(path, **more)

    def post(self, path: str, key: str = ALICE_KEY, **more: Unpack[PostExtras]) -> httpx.Response:
        return self.client(key).post(f"/api/v1/export/{path}", **more)

    def start(
        self, path: str = "xml/user", key: str = ALICE_KEY, **more: Unpack[PostExtras]
    ) -> int:
        response = self.post(path, key, **more)
        assert response.status_code == 202, response.text
        return int(response.json()["id"])

    def poll(self, job: int, key: str = ALICE_KEY) -> dict[str, Any]:
        response = self.get(f"/api/v1/jobs/{job}", key)
        assert response.status_code == 200, response.text
        shown: dict[str, Any] = response.json()
        return shown

    def finish(self, job: int, key: str = ALICE_KEY) -> dict[str, Any]:
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            shown = self.poll(job, key)
            if shown["status"] not in ("STARTING", "STARTED"):
                return shown
            time.sleep(0.01)
        raise AssertionError("the job did not end")

    def export(
        self, path: str = "xml/user", key: str = ALICE_KEY, **more: Unpack[PostExtras]
    ) -> dict[str, Any]:
        return self.finish(self.start(path, key, **more), key)

    def fetch(self, shown: dict[str, Any], key: str = ALICE_KEY) -> bytes:
        response = self.get(enclosure(shown), key)
        assert response.status_code == 200, response.text
        return response.content

    def members(
        self, path: str = "xml/user", key: str = ALICE_KEY, **more: Unpack[PostExtras]
    ) -> dict[str, bytes]:
        return unzip(self.fetch(self.export(path, key, **more), key))


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def enclosure(shown: dict[str, Any]) -> str:
    (link,) = shown["_links"]
    assert link["rel"] == "enclosure"
    return str(link["link"])


def unzip(data: bytes) -> dict[str, bytes]:
    """Members by their name below the root folder."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {
            name.partition("/")[2]: archive.read(name)
            for name in archive.namelist()
            if not name.endswith("/")
        }


def new_caller(world: World | None = None, options: Options | None = None) -> Caller:
    return Caller(SimulatedRSpace(world, options).start())


def plain_get(url: str, **more: Unpack[Extras]) -> httpx.Response:
    """A request without a key."""
    return httpx.get(url, verify=TLS, **more)
