"""What labferry writes the standard tool opens, and the other way round."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from labferry.encryption import Recipients, armoured, decrypted, encrypt
from labferry.sdk import Manifest

from .conftest import EncryptionLab, Key, NewKey

Age = Callable[..., bytes]
CONTENT = bytes(range(256)) * 1000


@pytest.fixture(params=["age", "ed25519", "rsa"])
def some_key(
    request: pytest.FixtureRequest, new_age_key: NewKey, new_ssh_key: Callable[..., Key]
) -> Key:
    return new_age_key() if request.param == "age" else new_ssh_key(request.param)


def test_age_opens_what_labferry_encrypted(some_key: Key, new_age_key: NewKey, age: Age) -> None:
    target = io.BytesIO()
    recipients = Recipients([new_age_key().public, some_key.public])
    encrypt(io.BytesIO(CONTENT), target, recipients)
    assert age("--decrypt", "-i", some_key.file, given=target.getvalue()) == CONTENT


def test_age_opens_what_labferry_armoured(some_key: Key, age: Age) -> None:
    text = armoured(CONTENT, Recipients([some_key.public]))
    assert text.isascii()
    assert age("--decrypt", "-i", some_key.file, given=text.encode()) == CONTENT


@pytest.mark.parametrize("options", [(), ("--armor",)])
def test_labferry_opens_what_age_encrypted(
    some_key: Key, new_age_key: NewKey, age: Age, options: tuple[str, ...]
) -> None:
    other = new_age_key().public
    content = age(*options, "-r", other, "-r", some_key.public, given=CONTENT)
    with decrypted(io.BytesIO(content), [some_key.secret], where="a") as reader:
        assert reader.read() == CONTENT


def test_age_alone_restores_a_stored_archive(lab: EncryptionLab, age: Age, tmp_path: Path) -> None:
    assert lab.sync().code == 0
    (manifest,), files = lab.manifests(), lab.contents()
    assert manifest.encryption is not None
    sealed = manifest.encryption.sealed.encode()
    inner = age("--decrypt", "-i", lab.key.file, given=sealed)
    plain = Manifest.from_json(inner, where="sealed")
    archive = tmp_path / plain.file
    age("--decrypt", "-i", lab.key.file, "-o", archive, given=files[manifest.file])
    (export,) = lab.server.exports
    assert archive.read_bytes() == export.content()
    assert (plain.size, plain.crc32) == (archive.stat().st_size, f"{export.crc32:08x}")
