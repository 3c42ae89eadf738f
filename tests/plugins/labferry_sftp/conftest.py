"""The servers that the tests of the SFTP destination talk to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.limits import in_a_small_disk
from tests.servers.openssh import OpenSsh
from tests.servers.proftpd import ProFtpd

from .accounts import RcloneServer, SeaweedServer

_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All on one worker: the servers are started once."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.xdist_group("sftp"))


@pytest.fixture(scope="session")
def openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSsh]:
    with OpenSsh(tmp_path_factory.mktemp("openssh")).running() as server:
        yield server


@pytest.fixture(scope="session")
def proftpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProFtpd]:
    with ProFtpd(tmp_path_factory.mktemp("proftpd")).running() as server:
        yield server


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RcloneServer]:
    server = RcloneServer(tmp_path_factory.mktemp("rclone"))
    with server.rclone.running():
        yield server


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    server = SeaweedServer(tmp_path_factory.mktemp("seaweedfs"))
    with server.seaweedfs.running():
        yield server


@pytest.fixture(params=["openssh", "proftpd"])
def server(request: pytest.FixtureRequest) -> OpenSsh | ProFtpd:
    """Each kind of server in turn."""
    found: OpenSsh | ProFtpd = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def full_server(tmp_path: Path) -> Iterator[OpenSsh]:
    """A server that alone sees a disk of 4 MiB at `small`."""
    home, small = tmp_path / "server", tmp_path / "small"
    home.mkdir()
    small.mkdir()
    with OpenSsh(home).running(*in_a_small_disk(small)) as server:
        yield server
