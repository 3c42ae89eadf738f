"""The command as its users have it: a process, a configuration file, folders, and a server."""

import json
import os
import pty
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.stated import require_stated

from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    PI_KEY,
    SYSADMIN_KEY,
    Options,
    SimulatedRSpace,
    World,
    default_world,
)

Serve = Callable[..., SimulatedRSpace]
Source = Callable[..., dict[str, Any]]
WaitFor = Callable[[Callable[[], object]], None]

CANARIES = [*(user.key for user in default_world().users), "wrongWrongWrong99"]
KEYS = {
    "ALICE_KEY": ALICE_KEY,
    "BOB_KEY": BOB_KEY,
    "PI_KEY": PI_KEY,
    "SYSADMIN_KEY": SYSADMIN_KEY,
    "WRONG_KEY": CANARIES[-1],
}
FOREIGN = re.compile(
    r"(LABFERRY|PYTHON|XDG|SSL)_?|.*_PROXY$|STATE_DIRECTORY|CREDENTIALS_", re.IGNORECASE
)
PATIENCE = 20.0
"""Seconds; only a broken test waits as long."""


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str
    seconds: float = 0.0

    @property
    def document(self) -> dict[str, Any]:
        """All of stdout, which must be one JSON object."""
        document: dict[str, Any] = json.loads(self.out)
        assert document["labferry_output"] == 1
        assert document["exit_code"] == self.code
        return document

    @property
    def messages(self) -> list[str]:
        """What stderr says, line by line."""
        return self.err.splitlines()


@dataclass
class Site:
    """A machine that labferry is installed on: its folder, with a configuration in it."""

    folder: Path
    environment: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "labferry.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def destination(self, name: str = "nas") -> Path:
        return self.folder / name

    def write(
        self,
        sources: Mapping[str, Mapping[str, Any]],
        destinations: Mapping[str, Mapping[str, Any]] | Sequence[str] = ("nas",),
        **top: Any,  # noqa: ANN401 - anything that TOML can say
    ) -> None:
        """Write the configuration; destinations given by name are folders, made here."""
        if not isinstance(destinations, Mapping):
            for name in destinations:
                self.destination(name).mkdir(exist_ok=True)
            destinations = {name: {} for name in destinations}
        syncs = top.pop("syncs", {})
        tables = [_table((), {"state_dir": "state", **top})]
        tables += [_table(("sources", name), keys) for name, keys in sources.items()]
        tables += [
            _table(("destinations", name), {"type": "local", "path": name, **keys})
            for name, keys in destinations.items()
        ]
        tables += [_table(("syncs", name), keys) for name, keys in syncs.items()]
        self.config.write_text("\n".join(tables), encoding="utf-8")

    def run(self, *arguments: str, **environment: str) -> Done:
        """Run labferry in the site's folder and wait for its end."""
        done = self.run_program(sys.executable, "-m", "labferry", *arguments, **environment)
        require_stated(arguments, done.code)
        return done

    def run_program(self, *program: str, **environment: str) -> Done:
        began = time.monotonic()
        done = subprocess.run(
            program,
            check=False,
            capture_output=True,
            cwd=self.folder,
            env={**self.environment, **environment},
            encoding="utf-8",
            timeout=PATIENCE * 2,
            stdin=subprocess.DEVNULL,
        )
        return _clean(
            Done(done.returncode, done.stdout, done.stderr, time.monotonic() - began),
        )

    def run_in_journal(self, *arguments: str) -> Done:
        """Run labferry as systemd does, which names the stream that it reads."""
        program = (
            "import os, sys; status = os.fstat(2); "
            "os.environ['JOURNAL_STREAM'] = f'{status.st_dev}:{status.st_ino}'; "
            "os.execv(sys.executable, [sys.executable, '-m', 'labferry', *sys.argv[1:]])"
        )
        return self.run_program(sys.executable, "-c", program, *arguments)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start labferry, to be ended by the test."""
        process = subprocess.Popen(
            [sys.executable, "-m", "labferry", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment,
            encoding="utf-8",
        )
        self.started.append(process)
        return process

    def end(self, process: subprocess.Popen[str], *signals: signal.Signals) -> Done:
        """Send signals and wait for the end."""
        began = time.monotonic()
        for number in signals:
            process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
        return _clean(Done(process.returncode, out, err, time.monotonic() - began))

    def run_on_terminal(self, *arguments: str) -> Done:
        """Run labferry with stdout and stderr on one terminal; `out` is what it shows."""
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "labferry", *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=self.folder,
            env=self.environment,
        )
        os.close(follower)
        shown = _read_all(leader).decode().replace("\r\n", "\n")
        done = _clean(Done(process.wait(PATIENCE), shown, ""))
        require_stated(arguments, done.code)
        return done

    def files(self, name: str = "nas") -> list[str]:
        """All files of a destination, temporaries included."""
        root = self.destination(name)
        return sorted(
            path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()
        )

    def archives(self, name: str = "nas") -> list[Path]:
        """The archives at a destination that have a manifest; there is nothing else there."""
        files = self.files(name)
        archives = [file for file in files if not file.endswith(".manifest.json")]
        assert files == sorted([*archives, *(f"{file}.manifest.json" for file in archives)])
        return [self.destination(name) / file for file in archives]

    def holds(self, secret: str) -> list[Path]:
        """The files, the configuration aside, in which a secret can be read."""
        return [
            path
            for path in self.folder.rglob("*")
            if path.is_file() and path != self.config and secret.encode() in path.read_bytes()
        ]


def _clean(done: Done) -> Done:
    """What holds for every command, whatever becomes of it."""
    for text in (done.out, done.err):
        assert "Traceback" not in text, text
        assert "X-Amz-Signature" not in text, text
        for canary in CANARIES:
            assert canary not in text, text
    return done


def _read_all(descriptor: int) -> bytes:
    content = b""
    try:
        while chunk := os.read(descriptor, 65536):
            content += chunk
    except OSError:
        # Linux's way to say that nobody has the other side open any more.
        pass
    os.close(descriptor)
    return content


def _table(path: Sequence[str], keys: Mapping[str, Any]) -> str:
    head = [f"[{'.'.join(path)}]"] if path else []
    return "\n".join([*head, *(f"{key} = {_toml(value)}" for key, value in keys.items()), ""])


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_toml(each)}' for key, each in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(str(value) if isinstance(value, Path) else value)


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands of all tests keep compiled modules: they start much faster with them."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "bytecode"


@pytest.fixture
def site(tmp_path: Path, bytecode: Path) -> Iterator[Site]:
    """A site; in the end no secret stands in any file but the configuration."""
    folder = tmp_path / "site"
    folder.mkdir()
    inherited = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    site = Site(
        folder,
        {
            **inherited,
            **KEYS,
            "HOME": str(tmp_path / "home"),
            "COLUMNS": "80",
            "PYTHONWARNINGS": "error::ResourceWarning",
            "PYTHONPYCACHEPREFIX": str(bytecode),
        },
    )
    yield site
    for process in site.started:
        process.kill()
        process.communicate()
    for canary in CANARIES:
        assert site.holds(canary) == []


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers; at the end no key went astray and every planned fault happened."""
    servers: list[SimulatedRSpace] = []

    def start(options: Options | None = None, world: World | None = None) -> SimulatedRSpace:
        servers.append(SimulatedRSpace(world, options).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
        assert server.errors == []
        assert server.leaks() == []
        assert server.faults.unfired() == []


@pytest.fixture
def server(serve: Serve) -> SimulatedRSpace:
    return serve()


@pytest.fixture
def source() -> Callable[..., dict[str, Any]]:
    """The keys of a source, by default Alice's work, asked for without much patience."""

    def keys(server: SimulatedRSpace | str, key: str = "ALICE_KEY", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - settings of any kind
        url = server if isinstance(server, str) else server.url
        given = {} if "api_keys" in more else {"api_key": {"env": key}}
        return {"type": "rspace", "url": url, **given, "poll_interval": "20ms", **more}

    return keys


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object]], None]:
    """Wait until something holds."""

    def wait(condition: Callable[[], object]) -> None:
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context
