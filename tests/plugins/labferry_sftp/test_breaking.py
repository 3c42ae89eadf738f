"""A connection that breaks, or a server that falls silent, at chosen moments."""

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from tests.servers.openssh import OpenSsh
from tests.servers.tcp_proxy import Proxy

from labferry.sdk import Checked, TransientError
from labferry.testing.samples import MemoryCheckpoint, SampleManifest
from labferry_sftp import SftpSink
from labferry_sftp.readback import ReadBack
from labferry_sftp.remote import Remote
from labferry_sftp.storing import Storing
from labferry_sftp.transfer import IN_FLIGHT, Pieces

from .trying import sample, sink

MIB = 1 << 20
SIZE = 8 * MIB

At = Callable[[tuple[type, str], int, Callable[[], None]], None]

_MOMENTS = {
    "when the read-back begins": ((Pieces, "__init__"), 1),
    "in the middle of the read-back": ((Pieces, "next_piece"), 5),
    "before the archive is forced to the disk": ((Remote, "sync"), 1),
    "after that": ((ReadBack, "sha256"), 1),
    "before the archive is published": ((Storing, "_publish"), 1),
    "between archive and manifest": ((Storing, "_commit"), 1),
    "before the manifest is forced to the disk": ((Remote, "sync"), 2),
}


@pytest.fixture
def proxy(openssh: OpenSsh) -> Iterator[Proxy]:
    with Proxy(openssh.port) as between:
        yield between


@pytest.fixture
def made(openssh: OpenSsh, proxy: Proxy, tmp_path: Path) -> Iterator[SftpSink]:
    """A destination behind the proxy, that waits for an answer for six seconds."""
    known = tmp_path / "hosts"
    line = openssh.known_line(openssh.host_keys[0])
    known.write_text(line.replace(str(openssh.port), str(proxy.port)) + "\n")
    folder = tmp_path / "storage"
    folder.mkdir()
    table = openssh.settings(folder, known_hosts=str(known), timeout="6s")
    destination = sink({**table, "port": proxy.port})
    yield destination
    destination.close()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Do something before a method is called for the nth time."""

    def when(method: tuple[type, str], turn: int, act: Callable[[], None]) -> None:
        real, turns = getattr(*method), itertools.count(1)

        @wraps(real)
        def disturbed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - hands them on
            if next(turns) == turn:
                act()
            return real(*arguments, **named)

        monkeypatch.setattr(*method, disturbed)

    return when


@pytest.mark.parametrize(
    ("how", "moment"),
    [
        *(("breaks", moment) for moment in _MOMENTS),
        *(("falls silent", moment) for moment in list(_MOMENTS)[:3]),
    ],
)
def test_store_goes_on_after_it(
    proxy: Proxy, made: SftpSink, at: At, caplog: pytest.LogCaptureFixture, how: str, moment: str
) -> None:
    def disturb() -> None:
        if how == "breaks":
            proxy.break_at = 0
        else:
            proxy.mute = True

    at(*_MOMENTS[moment], disturb)
    archive, note, begin = sample(SIZE), MemoryCheckpoint(), time.monotonic()
    with pytest.raises(TransientError):
        made.store(archive, SampleManifest(archive), note)
    assert time.monotonic() - begin < 60
    proxy.mute = False
    assert list(made.list()) == []
    assert made.store(archive, SampleManifest(archive), note).checked is Checked.READ_BACK
    assert proxy.sent < SIZE + IN_FLIGHT + MIB
    assert [stored.size for stored in made.list()] == [SIZE]
    assert list(made.strays()) == []
    # asyncio would log each packet that is sent after the line broke.
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_packets_sent_after_the_line_broke_are_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logging.getLogger("asyncio").warning("socket.send() raised exception.")
    logging.getLogger("asyncio").warning("Something else.")
    assert [record.message for record in caplog.records] == ["Something else."]


@pytest.mark.parametrize("name", ["entries", "read_all"])
def test_server_that_falls_silent_while_it_lists(
    proxy: Proxy, made: SftpSink, at: At, name: str
) -> None:
    archive = sample()
    made.store(archive, SampleManifest(archive), MemoryCheckpoint())

    def silence() -> None:
        proxy.mute = True

    at((Remote, name), 1, silence)
    with pytest.raises(TransientError, match="did not answer in time"):
        list(made.list())
    proxy.mute = False
    assert len(list(made.list())) == 1
