"""A WebDAV server over a folder."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cheroot.wsgi import Server
from wsgidav.wsgidav_app import WsgiDAVApp

PASSWORD = "s3cr3t-pa55w0rd"


@dataclass
class Share:
    """A folder on this machine, and the address under which it is served."""

    folder: Path
    url: str


@pytest.fixture(scope="session")
def shares(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Share]:
    """All that the server serves."""
    folder = tmp_path_factory.mktemp("shares")
    application = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(folder)},
            "simple_dc": {"user_mapping": {"*": {"backup": {"password": PASSWORD}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False},
            "logging": {"enable": False},
            "verbose": 0,
        }
    )
    server = Server(("127.0.0.1", 0), application)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield Share(folder, f"http://127.0.0.1:{server.bind_addr[1]}")
    server.stop()
    thread.join()


@pytest.fixture
def webdav_share(shares: Share, tmp_path: Path) -> Share:
    """A share of its own for each test."""
    folder = shares.folder / tmp_path.name
    folder.mkdir()
    return Share(folder, f"{shares.url}/{folder.name}")
