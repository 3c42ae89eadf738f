"""Uploads that broke off, at servers that do not go on with a file that was closed."""

from collections.abc import Callable, Iterator

import pytest

from labferry.sdk import JsonValue, TransientError
from labferry.testing.samples import MemoryCheckpoint
from labferry.testing.sink import FolderStorage, RawStorage

from .accounts import FilerStorage, RcloneServer, SeaweedServer
from .trying import sample, store

pytestmark = pytest.mark.slow

SIZE = (12 << 20) + 11

Place = tuple[RawStorage, Callable[..., dict[str, JsonValue]], str]


@pytest.fixture(params=["rclone", "seaweedfs"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A storage, what makes a table, and the folder at that server."""
    server: RcloneServer | SeaweedServer = request.getfixturevalue(request.param)
    name = f"resuming-{request.node.callspec.id}"
    if isinstance(server, RcloneServer):
        yield FolderStorage(server.rclone.folder / name), server.settings, f"/{name}"
        return
    storage = FilerStorage(server, name)
    yield storage, server.settings, storage.path
    storage.close()


@pytest.mark.parametrize("check", ["readback", "size", "auto"])
def test_begun_anew_and_stored_as_it_is(place: Place, check: str) -> None:
    storage, settings, path = place
    table, note = settings(path, upload_check=check), MemoryCheckpoint()
    stopped = TransientError("The download stopped.")
    with pytest.raises(TransientError, match="download stopped"):
        store(table, sample(SIZE, arrived=SIZE // 2, error=stopped), note)
    archive = sample(SIZE)
    store(table, archive, note)
    assert storage.read(archive.key) == archive.content.read(0, SIZE)
    assert set(storage.names()) == {archive.key, f"{archive.key}.manifest.json"}
