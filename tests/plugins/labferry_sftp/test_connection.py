import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.servers.openssh import OpenSsh
from tests.servers.tcp_proxy import Proxy

from labferry.sdk import InvalidAnswerError, RefusedError, TransientError
from labferry.testing.samples import MemoryCheckpoint, SampleManifest

from .trying import check, sample, sink, store

MIB = 1 << 20
SIZE = 24 * MIB


@pytest.fixture
def proxy(openssh: OpenSsh) -> Iterator[Proxy]:
    with Proxy(openssh.port) as between:
        yield between


@pytest.fixture
def table(openssh: OpenSsh, proxy: Proxy, tmp_path: Path) -> dict[str, object]:
    """Settings that lead through the proxy."""
    known = tmp_path / "hosts"
    line = openssh.known_line(openssh.host_keys[0])
    known.write_text(line.replace(str(openssh.port), str(proxy.port)) + "\n")
    folder = tmp_path / "storage"
    folder.mkdir()
    return {**openssh.settings(folder, known_hosts=str(known)), "port": proxy.port}


@contextmanager
def answering(first: bytes) -> Iterator[int]:
    """A server that says one thing and then nothing; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.sendall(first)
                done.wait(20)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            thread.join()


def test_broken_connection_is_transient_and_the_next_store_continues(
    proxy: Proxy, table: dict[str, object]
) -> None:
    note, archive = MemoryCheckpoint(), sample(SIZE)
    made = sink(table)
    proxy.break_at = SIZE // 2
    with pytest.raises(TransientError):
        made.store(archive, SampleManifest(archive), note)
    before = proxy.sent
    made.store(archive, SampleManifest(archive), note)
    made.close()
    assert proxy.connections == 2
    assert proxy.sent - before < SIZE * 3 // 4


@pytest.mark.parametrize(
    ("cipher", "are_sent"), [("aes256-gcm@openssh.com", False), ("aes256-ctr", True)]
)
def test_empty_packets_are_sent_only_where_they_protect_something(
    tmp_path: Path, cipher: str, *, are_sent: bool
) -> None:
    home, folder = tmp_path / "server", tmp_path / "storage"
    home.mkdir()
    folder.mkdir()
    server = OpenSsh(home, more=f"LogLevel DEBUG3\nCiphers {cipher}")
    with server.running():
        store(server.settings(folder, upload_check="size"), sample(SIZE))
    told = (home / "sshd.log").read_text()
    # Some are sent while the login is under way.
    assert (told.count("SSH2_MSG_IGNORE") > SIZE // 2**15) is are_sent


def test_getting_ready_does_not_connect(proxy: Proxy, table: dict[str, object]) -> None:
    made = sink(table)
    made.prepare()
    assert proxy.connections == 0
    made.close()


def test_connection_that_broke_between_two_stores_is_made_anew(
    proxy: Proxy, table: dict[str, object]
) -> None:
    made = sink(table)
    for job in ("1", "2"):
        archive = sample(job=job)
        try:
            made.store(archive, SampleManifest(archive), MemoryCheckpoint())
        except TransientError:  # where the break is noticed only now
            made.store(archive, SampleManifest(archive), MemoryCheckpoint())
        proxy.break_at = 0 if job == "1" else None
    assert len(list(made.list())) == 2
    made.close()
    assert proxy.connections == 2


def test_server_that_falls_silent_is_given_up_after_three_keepalives(
    proxy: Proxy, table: dict[str, object]
) -> None:
    proxy.freeze_at = SIZE // 2
    begin = time.monotonic()
    with pytest.raises(TransientError):
        store({**table, "keepalive": "100ms"}, sample(SIZE))
    assert time.monotonic() - begin < 15


def test_request_without_an_answer_is_given_up(proxy: Proxy, table: dict[str, object]) -> None:
    proxy.freeze_at = SIZE // 2
    with pytest.raises(TransientError, match="did not answer in time"):
        store({**table, "timeout": "500ms"}, sample(SIZE))


def test_slow_download_does_not_lose_the_connection(proxy: Proxy, table: dict[str, object]) -> None:
    archive = sample(arrived=1000)
    waiting = threading.Timer(1.0, archive.verify)
    waiting.start()
    store({**table, "keepalive": "100ms", "timeout": "500ms"}, archive)
    waiting.join()
    assert proxy.connections == 1


def test_server_that_never_says_anything(openssh: OpenSsh, tmp_path: Path) -> None:
    with answering(b"") as port, pytest.raises(TransientError, match="not answer in time"):
        check(openssh.settings(tmp_path, port=port, connect_timeout="200ms"))


def test_server_that_is_no_ssh_server(openssh: OpenSsh, tmp_path: Path) -> None:
    with (
        answering(b"SSH-1.5-old\r\n") as port,
        pytest.raises(InvalidAnswerError, match="SSH server"),
    ):
        check(openssh.settings(tmp_path, port=port, connect_timeout="5s"))


def test_account_without_sftp(tmp_path: Path) -> None:
    home = tmp_path / "server"
    home.mkdir()
    server = OpenSsh(home, subsystem="other /bin/false")
    with server.running(), pytest.raises(RefusedError, match="SFTP session"):
        check(server.settings(tmp_path))


def test_reading_on_after_the_sink_was_closed_is_transient(
    openssh: OpenSsh, tmp_path: Path
) -> None:
    made = sink(openssh.settings(tmp_path))
    archive = sample(SIZE)
    made.store(archive, SampleManifest(archive), MemoryCheckpoint())
    (stored,) = made.list()
    file = made.open(stored)
    made.close()
    with pytest.raises(TransientError), file:
        file.read()


def test_bandwidth_limit_holds(openssh: OpenSsh, tmp_path: Path) -> None:
    begin = time.monotonic()
    store(openssh.settings(tmp_path, bandwidth_limit="8 MB/s"), sample(4 * MIB))
    assert time.monotonic() - begin > 0.2
