"""The laboratory that tests share: a machine with a configuration, and commands that run there."""

import hashlib
import io
import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

from tests.servers import elabftw
from tests.stated import require_stated
from typing_extensions import override

from labferry.cli.main import main
from labferry.sdk import (
    MANIFEST_SUFFIX,
    MARKER_KEY,
    JsonValue,
    Manifest,
    ManifestJob,
    ManifestSource,
    archive_id,
    archive_key,
)
from labferry.testing.rspace import ALICE_KEY, BOB_KEY, PI_KEY, SYSADMIN_KEY, default_world

CANARIES = [
    elabftw.ALICE_KEY,
    elabftw.BOB_KEY,
    elabftw.READ_ONLY_KEY,
    *(user.key for user in default_world().users),
    "wrongWrongWrong99",
]
KEYS = {
    "ALICE_KEY": ALICE_KEY,
    "BOB_KEY": BOB_KEY,
    "PI_KEY": PI_KEY,
    "SYSADMIN_KEY": SYSADMIN_KEY,
    "WRONG_KEY": CANARIES[-1],
    "ELAB_ALICE_KEY": elabftw.ALICE_KEY,
    "ELAB_BOB_KEY": elabftw.BOB_KEY,
    "ELAB_READ_ONLY_KEY": elabftw.READ_ONLY_KEY,
}
FOREIGN = re.compile(
    r"(LABFERRY|PYTHON|XDG|SSL)_?|.*_PROXY$|STATE_DIRECTORY|CREDENTIALS_", re.IGNORECASE
)
PATIENCE = 20.0
"""Seconds; only a broken test waits as long."""


def environment(home: Path, bytecode: Path, **more: str) -> dict[str, str]:
    """The environment of a command: nothing of ours that changes what labferry does.

    Args:
        home: The home folder; there need be none.
        bytecode: Where compiled modules are kept.
        more: Further variables, or other values for these.
    """
    inherited = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    return {
        **inherited,
        **KEYS,
        "HOME": str(home),
        "COLUMNS": "80",
        "PYTHONWARNINGS": "error::ResourceWarning",
        "PYTHONPYCACHEPREFIX": str(bytecode),
        **more,
    }


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
    def states(self) -> list[tuple[str, str, str]]:
        """What `verify --json` found of each copy."""
        return [
            (each["destination"], each["archive_id"], each["state"])
            for each in self.document["results"]
            if each["state"] != "note"
        ]

    @property
    def text(self) -> str:
        """Everything that it printed."""
        return self.out + self.err

    @property
    def messages(self) -> list[str]:
        """What stderr says, line by line."""
        return self.err.splitlines()


@dataclass(frozen=True)
class Put:
    """An archive that was put into a destination."""

    id: str
    path: Path
    content: bytes

    @property
    def manifest(self) -> Path:
        return self.path.with_name(f"{self.path.name}{MANIFEST_SUFFIX}")

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def damage(self) -> None:
        """Turn one bit in the middle."""
        data = bytearray(self.content)
        data[len(data) // 2] ^= 1
        self.path.write_bytes(data)


@dataclass
class Lab:
    """A machine that labferry is installed on, with a configuration in its folder.

    Attributes:
        folder: The current folder of all commands; the configuration is found in it.
        environment: The commands' environment.
        started: Processes that were started, for whoever ends the test to end.
    """

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
        tables = [toml_table((), {"state_dir": "state", "retry_for": "3s", **top})]
        tables += [toml_table(("sources", name), keys) for name, keys in sources.items()]
        tables += [
            toml_table(("destinations", name), {"type": "local", "path": name, **keys})
            for name, keys in destinations.items()
        ]
        tables += [toml_table(("syncs", name), keys) for name, keys in syncs.items()]
        self.config.write_text("\n".join(tables), encoding="utf-8")

    def put(  # noqa: PLR0913 - what an archive has
        self,
        destination: str,
        source: str,
        submitted: datetime,
        *,
        job: str,
        content: bytes,
        series: str = "user",
        parameters: Mapping[str, JsonValue] | None = None,
    ) -> Put:
        """Put an archive into a folder as labferry would have stored it, with its manifest."""
        identity = archive_id(submitted, source, job)
        path = self.folder / destination / archive_key(identity, source, submitted, ".zip")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        put = Put(identity, path, content)
        made_from = ManifestSource(
            name=source,
            type="rspace",
            url="https://rspace.example.edu",
            series=series,
            parameters=dict(parameters or {}),
        )
        manifest = Manifest(
            labferry_manifest=1,
            archive_id=identity,
            file=path.name,
            size=len(content),
            sha256=put.sha256,
            crc32=f"{zlib.crc32(content):08x}",
            source=made_from,
            job=ManifestJob(id=job, submitted=submitted, completed=submitted),
            created_by="labferry 0.1.0",
        )
        put.manifest.write_bytes(manifest.to_json())
        return put

    def run(self, *arguments: str, **environment: str) -> Done:
        """Run labferry in the folder and wait for its end."""
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

    def files(self, where: Path | str = "nas") -> list[str]:
        """All files of a destination, or of another folder, temporaries included.

        The marker of a destination is left out.
        """
        root = self.folder / where
        files = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        return sorted({*files} - {MARKER_KEY})

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


def toml_table(path: Sequence[str], keys: Mapping[str, Any]) -> str:
    """A table of a configuration file."""
    head = [f"[{'.'.join(path)}]"] if path else []
    return "\n".join([*head, *(f"{key} = {_toml(value)}" for key, value in keys.items()), ""])


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_toml(each)}' for key, each in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(str(value) if isinstance(value, Path) else value)


class LabInProcess(Lab):
    """Runs labferry in the tests' own process, which is faster; so what a test patches counts."""

    @override
    def run(self, *arguments: str, **environment: str) -> Done:
        out, err = io.StringIO(), io.StringIO()
        code = 0
        with (
            mock.patch.dict(os.environ, {**self.environment, **environment}),
            _handlers_restored(),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main([*arguments, "-c", str(self.config)])
            except SystemExit as ended:
                code = int(ended.code or 0)
        require_stated(arguments, code)
        return _clean(Done(code, out.getvalue(), err.getvalue()))


@contextmanager
def _handlers_restored() -> Iterator[None]:
    """Put back the handlers of signals and of log records that a run sets."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    logger = logging.getLogger()
    before = logger.handlers[:], logger.level
    try:
        yield
    finally:
        logger.handlers[:], logger.level = before
        for number, handler in handlers.items():
            signal.signal(number, handler)
