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
from tests.lab import Put

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

from .conftest import RestoreLab

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


def _configure(lab: RestoreLab, key: Key, *, identities: str = "") -> None:
    encrypt = f'encrypt = {{ recipients = ["{key.public}"] {identities} }}\n'
    lab.configure("nas", more=f'[destinations.safe]\ntype = "local"\npath = "safe"\n{encrypt}')
    (lab.folder / "safe").mkdir()


def test_it_is_decrypted_with_the_key_that_is_given(lab: RestoreLab, key: Key, seal: Seal) -> None:
    _configure(lab, key)
    put = lab.store("safe", content=_BIG)
    seal(put)
    restored = lab.restore(put.id, identities=(key.secret,))
    assert restored.path == lab.here / put.path.name
    assert restored.path.read_bytes() == _BIG
    assert restored.sha256 == put.sha256


def test_it_is_decrypted_with_the_key_of_the_configuration(
    lab: RestoreLab, key: Key, seal: Seal
) -> None:
    _configure(lab, key, identities=', identities = [{ file = "identity.txt" }]')
    put = lab.store("safe")
    seal(put)
    assert lab.restore(put.id).path.read_bytes() == put.content
    assert drill(lab.session, Stop()).trials[1].exit_code == 0


def test_the_command_takes_the_key_by_its_file(lab: RestoreLab, key: Key, seal: Seal) -> None:
    _configure(lab, key)
    put = lab.store("safe")
    seal(put)
    done = lab.run(*("restore", put.id, "--to", "new", "--extract", "--identity", "identity.txt"))
    assert done.code == 0, done.err
    assert len(lab.files(lab.folder / "new")) == 2
    assert "AGE-SECRET-KEY" not in done.out + done.err


@pytest.mark.parametrize("with_key", [False, True])
def test_without_the_right_key_there_is_nothing(
    lab: RestoreLab, key: Key, seal: Seal, *, with_key: bool
) -> None:
    _configure(lab, key)
    put = lab.store("safe")
    seal(put)
    other = lab.folder / "other.txt"
    other.write_text(str(pyrage.x25519.Identity.generate()), encoding="utf-8")
    given = (Secret("file", str(other)),) if with_key else ()
    with pytest.raises(RefusedError, match=key.public):
        lab.restore(put.id, identities=given)
    assert lab.files() == []


def test_a_copy_that_can_not_be_decrypted_here_is_passed_over(
    lab: RestoreLab, key: Key, seal: Seal
) -> None:
    _configure(lab, key)
    put = lab.store("safe", content=_BIG)
    seal(put)
    text = lab.config.read_text(encoding="utf-8")
    nas, _, safe = text.partition("\n[destinations.safe]")
    lab.config.write_text(f"[destinations.safe]{safe}\n{nas}", encoding="utf-8")
    lab.store("nas", content=_BIG)
    restored = lab.restore(put.id)
    assert restored.destination == "nas"
    assert "private key" in restored.problems[0]
    assert lab.files() == [put.path.name]


def test_a_damaged_encrypted_copy_is_bad(lab: RestoreLab, key: Key, seal: Seal) -> None:
    _configure(lab, key)
    put = lab.store("safe", content=_BIG)
    path = seal(put)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match="damaged"):
        lab.restore(put.id, identities=(key.secret,))
    assert lab.files() == []


def test_a_copy_that_decrypts_to_something_else_is_bad(
    lab: RestoreLab, key: Key, seal: Seal
) -> None:
    _configure(lab, key)
    put = lab.store("safe", content=_BIG)
    plain = Manifest.from_json(put.manifest.read_bytes(), where="it")
    wrong = plain.model_copy(update={"sha256": "0" * 64})
    put.manifest.write_bytes(wrong.to_json())
    seal(put)
    with pytest.raises(IntegrityError, match="does not decrypt to the archive"):
        lab.restore(put.id, identities=(key.secret,))
    assert lab.files() == []


def test_a_connection_that_breaks_is_taken_up_in_the_middle_of_decrypting(
    lab: RestoreLab, key: Key, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    _configure(lab, key)
    put = lab.store("safe", content=_BIG)
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
    assert lab.restore(put.id, identities=(key.secret,)).path.read_bytes() == _BIG
    assert offsets == [0, 1 << 20, 2 << 20]


def test_what_an_earlier_one_left_is_begun_anew(lab: RestoreLab, key: Key, seal: Seal) -> None:
    _configure(lab, key)
    put = lab.store("safe", content=_BIG)
    path = seal(put)
    lab.here.mkdir()
    name = hashlib.sha256(path.read_bytes()).hexdigest()[:32]
    (lab.here / f".labferry-{name}.part").write_bytes(_BIG[: 1 << 20])
    assert lab.restore(put.id, identities=(key.secret,)).path.read_bytes() == _BIG


def test_the_latest_is_one_series_whether_encrypted_or_not(
    lab: RestoreLab, key: Key, seal: Seal
) -> None:
    _configure(lab, key)
    lab.store("nas", day=0)
    put = lab.store("safe", day=1)
    seal(put)
    assert lab.restore(source="chem", identities=(key.secret,)).archive_id == put.id


def test_it_is_listed_as_encrypted(lab: RestoreLab, key: Key, seal: Seal) -> None:
    _configure(lab, key)
    seal(lab.store("safe"))
    (entry,) = lab.run("list", "--json").document["archives"]
    assert entry["is_encrypted"] is True
