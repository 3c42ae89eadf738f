"""Keys, and a laboratory whose destination is encrypted."""

import hashlib
import io
import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyrage
import pytest
from tests.lab import Lab, environment
from tests.needs import require_program
from tests.reliability.harness import Driver, Outcome

from labferry.encryption import decrypted, open_sealed
from labferry.sdk import MARKER_KEY, Manifest, Secret
from labferry.testing.rspace import (
    ALICE_KEY,
    BigArchive,
    JobTiming,
    Options,
    SimulatedRSpace,
)

SIZE = 200_000


@dataclass(frozen=True)
class Key:
    """A pair of keys: the public one, and the private one in a file and as a secret."""

    public: str
    file: Path

    @property
    def secret(self) -> Secret:
        return Secret.plain(self.file.read_text())


NewKey = Callable[[], Key]


@pytest.fixture
def new_age_key(tmp_path: Path) -> NewKey:
    """Make keys as `age-keygen` does."""

    def new() -> Key:
        identity = pyrage.x25519.Identity.generate()
        public = str(identity.to_public())
        file = tmp_path / f"{public}.txt"
        file.write_text(f"# created: 2026-01-02T03:04:05Z\n# public key: {public}\n{identity}\n")
        return Key(public, file)

    return new


@pytest.fixture
def new_ssh_key(tmp_path: Path) -> Callable[..., Key]:
    """Make keys as people have them."""
    number = 0

    def new(kind: str = "ed25519", passphrase: str = "") -> Key:
        nonlocal number
        number += 1
        file = tmp_path / f"id_{number}"
        options = ["-q", "-t", kind, "-N", passphrase, "-C", "dr.who@tardis", "-f", str(file)]
        subprocess.run([require_program("ssh-keygen", "openssh-client"), *options], check=True)
        return Key(file.with_suffix(".pub").read_text().strip(), file)

    return new


@pytest.fixture
def key(new_age_key: NewKey) -> Key:
    return new_age_key()


@pytest.fixture
def age() -> Callable[..., bytes]:
    """The standard tool."""

    def run(*arguments: str | Path, given: bytes = b"") -> bytes:
        return subprocess.run(
            [require_program("age", "age"), *map(str, arguments)],
            input=given,
            check=True,
            capture_output=True,
        ).stdout

    return run


@dataclass
class EncryptionLab(Lab):
    """A server with one archive, and folders to which it goes encrypted."""

    server: SimulatedRSpace = field(kw_only=True)
    key: Key = field(kw_only=True)
    driver: Driver = field(kw_only=True)

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    def configure(self, **recipients: Sequence[str]) -> None:
        """Write the configuration: names of destinations, and who can read what is there."""
        tables = []
        for name, keys in recipients.items():
            self.destination(name).mkdir(exist_ok=True)
            encrypt = f"encrypt = {{ recipients = {json.dumps(keys)} }}" if keys else ""
            tables.append(f'[destinations.{name}]\ntype = "local"\npath = "{name}"\n{encrypt}')
        self.config.write_text(
            f'state_dir = "state"\nspool_dir = "spool"\n[sources.alice]\ntype = "rspace"\n'
            f'url = "{self.server.url}"\napi_key = {{ env = "ALICE_KEY" }}\n'
            'poll_interval = "20ms"\n' + "\n".join(tables)
        )

    def sync(self, **task: Any) -> Outcome:  # noqa: ANN401 - as the driver understands it
        """Run `labferry sync` in a fork, which may be killed at a step."""
        files = {name: self.folder / name for name in ("stdout", "stderr")}
        for file in files.values():
            file.write_text("")
        task = {
            "argv": ["sync", "-vv", "-c", str(self.config)],
            "env": {"ALICE_KEY": ALICE_KEY},
            "longest_wait": 0.03,
            **{name: str(file) for name, file in files.items()},
            **task,
        }
        answer = self.driver.run(task)
        stdout, stderr = (file.read_text() for file in files.values())
        return Outcome(answer["code"], stdout, stderr, [tuple(step) for step in answer["steps"]])

    def contents(self, name: str = "nas") -> dict[str, bytes]:
        """Everything at a destination, hidden or not, by its name; but for its marker."""
        return {
            path.name: path.read_bytes()
            for path in self.destination(name).rglob("*")
            if path.is_file() and path.name != MARKER_KEY
        }

    def manifests(self, name: str = "nas") -> Sequence[Manifest]:
        """The manifests there, oldest first."""
        documents = {
            key: document
            for key, document in sorted(self.contents(name).items())
            if key.endswith(".manifest.json")
        }
        return [Manifest.from_json(document, where=key) for key, document in documents.items()]

    def check_stored(self, name: str = "nas") -> Sequence[Manifest]:
        """Each archive is there once, with its manifest and what the server exported in it."""
        manifests, files = self.manifests(name), self.contents(name)
        assert len(files) == 2 * len(manifests), files.keys()
        assert len({manifest.archive_id for manifest in manifests}) == len(manifests)
        for manifest in manifests:
            encrypted = files[manifest.file]
            assert hashlib.sha256(encrypted).hexdigest() == manifest.sha256
            plain = open_sealed(manifest, [self.key.secret])
            with decrypted(io.BytesIO(encrypted), [self.key.secret], where=name) as reader:
                content = reader.read()
            assert hashlib.sha256(content).hexdigest() == plain.sha256
            jobs = {str(export.job_id): export for export in self.server.exports}
            assert content == jobs[plain.job.id].content()
        return manifests


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    """The process that forks runs; see the tests of reliability."""
    driver = Driver()
    yield driver
    driver.close()


@pytest.fixture
def open_lab(
    tmp_path: Path, driver: Driver, key: Key, bytecode: Path
) -> Iterator[Callable[[], EncryptionLab]]:
    """Open laboratories with a destination `nas` that is encrypted for `key`."""
    servers: list[SimulatedRSpace] = []

    def open_one() -> EncryptionLab:
        options = Options(archives=[BigArchive(SIZE)], timing=JobTiming(queue=0.005, run=0.03))
        server = SimulatedRSpace(options=options)
        server.__enter__()
        servers.append(server)
        folder = tmp_path / f"lab{len(servers)}"
        folder.mkdir()
        variables = environment(tmp_path / "home", bytecode)
        lab = EncryptionLab(folder, variables, server=server, key=key, driver=driver)
        lab.configure(nas=[key.public])
        return lab

    yield open_one
    for server in servers:
        server.__exit__(None, None, None)


@pytest.fixture
def lab(open_lab: Callable[[], EncryptionLab]) -> EncryptionLab:
    return open_lab()
