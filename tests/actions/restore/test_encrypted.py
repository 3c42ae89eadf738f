"""Restoring what was encrypted before it left: with the private key, and never without."""

import hashlib
import io
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
import pytest

from labferry.actions.drill import drill
from labferry.encryption import Recipients, armoured, encrypt, seal_manifest
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Digests,
    IntegrityError,
    Manifest,
    ManifestEncryption,
    RefusedError,
    Secret,
    StoredArchive,
    TransientError,
)
from labferry_local import LocalSink

from .conftest import Machine, Put

_BIG = os.urandom(3 << 20) + b"end"
Seal = Callable[[Put], Path]


@dataclass(frozen=True)
class Key:
    public: str
    file: Path

    @property
    def secret(self) -> Secret:
        return Secret("file", str(self.file))


@pytest.fixture
def key(tmp_path: Path) -> Key:
    identity: Any = pyrage.x25519.Identity.generate()
    file = tmp_path / "identity.txt"
    file.write_text(f"# created: today\n{identity}\n", encoding="utf-8")
    return Key(str(identity.to_public()), file)


@pytest.fixture
def seal(key: Key) -> Seal:
    """Encrypt a copy as a sync to such a destination stores it."""

    def seal(put: Put) -> Path:
        recipients = Recipients([key.public])
        plain = Manifest.from_json(put.manifest.read_bytes(), where="it")
        file = io.BytesIO()
        encrypt(io.BytesIO(put.content), file, recipients)
        data = file.getvalue()
        sealed = ManifestEncryption(
            format="age",
            recipients=recipients.keys,
            sealed=armoured(plain.to_json(), recipients),
        )
        digests = Digests(hashlib.sha256(data).hexdigest(), zlib.crc32(data))
        path = put.path.with_name(f"{put.path.name}.age")
        manifest = seal_manifest(
            plain, file=path.name, size=len(data), digests=digests, encryption=sealed
        )
        put.path.unlink()
        put.manifest.unlink()
        path.write_bytes(data)
        path.with_name(f"{path.name}.manifest.json").write_bytes(manifest.to_json())
        return path

    return seal


def _configure(machine: Machine, key: Key, *, identities: str = "") -> None:
    encrypt = f'encrypt = {{ recipients = ["{key.public}"] {identities} }}\n'
    machine.configure("nas", more=f'[destinations.safe]\ntype = "local"\npath = "safe"\n{encrypt}')
    (machine.folder / "safe").mkdir()


def test_it_is_decrypted_with_the_key_that_is_given(machine: Machine, key: Key, seal: Seal) -> None:
    _configure(machine, key)
    put = machine.put("safe", content=_BIG)
    seal(put)
    restored = machine.restore(put.id, identities=(key.secret,))
    assert restored.path == machine.here / put.path.name
    assert restored.path.read_bytes() == _BIG
    assert restored.sha256 == put.sha256


def test_it_is_decrypted_with_the_key_of_the_configuration(
    machine: Machine, key: Key, seal: Seal
) -> None:
    _configure(machine, key, identities=', identities = [{ file = "identity.txt" }]')
    put = machine.put("safe")
    seal(put)
    assert machine.restore(put.id).path.read_bytes() == put.content
    assert drill(machine.session, Stop()).trials[1].exit_code == 0


def test_the_command_takes_the_key_by_its_file(machine: Machine, key: Key, seal: Seal) -> None:
    _configure(machine, key)
    put = machine.put("safe")
    seal(put)
    done = machine.run(
        *("restore", put.id, "--to", "new", "--extract", "--identity", "identity.txt")
    )
    assert done.code == 0, done.err
    assert len(machine.files(machine.folder / "new")) == 2
    assert "AGE-SECRET-KEY" not in done.out + done.err


@pytest.mark.parametrize("with_key", [False, True])
def test_without_the_right_key_there_is_nothing(
    machine: Machine, key: Key, seal: Seal, *, with_key: bool
) -> None:
    _configure(machine, key)
    put = machine.put("safe")
    seal(put)
    other = machine.folder / "other.txt"
    other.write_text(str(pyrage.x25519.Identity.generate()), encoding="utf-8")
    given = (Secret("file", str(other)),) if with_key else ()
    with pytest.raises(RefusedError, match=key.public):
        machine.restore(put.id, identities=given)
    assert machine.files() == []


def test_a_copy_that_can_not_be_decrypted_here_is_passed_over(
    machine: Machine, key: Key, seal: Seal
) -> None:
    _configure(machine, key)
    put = machine.put("safe", content=_BIG)
    seal(put)
    text = machine.config.read_text(encoding="utf-8")
    nas, _, safe = text.partition("\n[destinations.safe]")
    machine.config.write_text(f"[destinations.safe]{safe}\n{nas}", encoding="utf-8")
    machine.put("nas", content=_BIG)
    restored = machine.restore(put.id)
    assert restored.destination == "nas"
    assert "private key" in restored.problems[0]
    assert machine.files() == [put.path.name]


def test_a_damaged_encrypted_copy_is_bad(machine: Machine, key: Key, seal: Seal) -> None:
    _configure(machine, key)
    put = machine.put("safe", content=_BIG)
    path = seal(put)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match="damaged"):
        machine.restore(put.id, identities=(key.secret,))
    assert machine.files() == []


def test_a_copy_that_decrypts_to_something_else_is_bad(
    machine: Machine, key: Key, seal: Seal
) -> None:
    _configure(machine, key)
    put = machine.put("safe", content=_BIG)
    plain = Manifest.from_json(put.manifest.read_bytes(), where="it")
    wrong = plain.model_copy(update={"sha256": "0" * 64})
    put.manifest.write_bytes(wrong.to_json())
    seal(put)
    with pytest.raises(IntegrityError, match="does not decrypt to the archive"):
        machine.restore(put.id, identities=(key.secret,))
    assert machine.files() == []


def test_a_connection_that_breaks_is_taken_up_in_the_middle_of_decrypting(
    machine: Machine, key: Key, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    _configure(machine, key)
    put = machine.put("safe", content=_BIG)
    seal(put)
    opened, offsets = LocalSink.open, list[int]()

    class Flaky(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if not data:
                raise TransientError("It was lost.")
            return data

    def flaky(sink: LocalSink, stored: StoredArchive, offset: int = 0) -> object:
        offsets.append(offset)
        file = opened(sink, stored, offset)
        if len(offsets) > 2:
            return file
        with file:
            return Flaky(file.read(1 << 20))

    monkeypatch.setattr(LocalSink, "open", flaky)
    assert machine.restore(put.id, identities=(key.secret,)).path.read_bytes() == _BIG
    assert offsets == [0, 1 << 20, 2 << 20]


def test_what_an_earlier_one_left_is_begun_anew(machine: Machine, key: Key, seal: Seal) -> None:
    _configure(machine, key)
    put = machine.put("safe", content=_BIG)
    path = seal(put)
    machine.here.mkdir()
    name = hashlib.sha256(path.read_bytes()).hexdigest()[:32]
    (machine.here / f".labferry-{name}.part").write_bytes(_BIG[: 1 << 20])
    assert machine.restore(put.id, identities=(key.secret,)).path.read_bytes() == _BIG


def test_the_latest_is_one_series_whether_encrypted_or_not(
    machine: Machine, key: Key, seal: Seal
) -> None:
    _configure(machine, key)
    machine.put("nas", day=0)
    put = machine.put("safe", day=1)
    seal(put)
    assert machine.restore(source="chem", identities=(key.secret,)).archive_id == put.id


def test_it_is_listed_as_encrypted(machine: Machine, key: Key, seal: Seal) -> None:
    _configure(machine, key)
    seal(machine.put("safe"))
    (entry,) = machine.run("list", "--json").document["archives"]
    assert entry["is_encrypted"] is True
