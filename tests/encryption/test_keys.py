"""Public and private keys as people give them."""

import io
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from labferry.encryption import Recipients, decrypted
from labferry.sdk import ConfigError, RefusedError, Secret

from .conftest import Key, NewKey


def test_recipients_are_named_alike_however_they_are_written(
    new_age_key: NewKey, new_ssh_key: Callable[..., Key]
) -> None:
    age, ssh = new_age_key().public, new_ssh_key().public
    bare = " ".join(ssh.split()[:2])
    one, other = Recipients([age, ssh]), Recipients([f" {bare}  somebody ", age, age])
    assert one.keys == other.keys == tuple(sorted([age, bare]))
    assert one.digest == other.digest
    assert len(one.digest) == 16
    assert one.digest != Recipients([age]).digest


def test_comments_of_ssh_keys_are_dropped(new_ssh_key: Callable[..., Key]) -> None:
    assert "tardis" not in "".join(Recipients([new_ssh_key().public]).keys)


@pytest.mark.parametrize("kind", ["ecdsa", "dsa-like"])
def test_other_kinds_of_ssh_key_are_refused(new_ssh_key: Callable[..., Key], kind: str) -> None:
    text = new_ssh_key("ecdsa").public if kind == "ecdsa" else "ssh-dss AAAAB3NzaC1kc3M="
    with pytest.raises(ConfigError, match="expected an age public key"):
        Recipients([text])


@pytest.mark.parametrize("text", ["", "age1", "age1abc", "nobody@example.edu", "ssh-ed25519 AAAA"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected an age public key"):
        Recipients([text])


def test_private_key_among_the_recipients_is_refused_and_not_repeated(key: Key) -> None:
    private = key.file.read_text().splitlines()[-1]
    with pytest.raises(ConfigError, match="private key: keep it out") as caught:
        Recipients([private])
    assert private not in str(caught.value)


def test_mistakes_are_told_by_position(key: Key) -> None:
    assert [at for at, _ in Recipients.mistakes(["x", key.public, "y"])] == [0, 2]


def _open(text: str) -> None:
    decrypted(io.BytesIO(), [Secret.plain(text)], where="a").close()


@pytest.mark.slow
@pytest.mark.parametrize("armoured", [False, True])
def test_identity_file_under_a_passphrase_is_refused_with_a_reason(
    key: Key, *, armoured: bool
) -> None:
    locked = pyrage.passphrase.encrypt(key.file.read_bytes(), "correct horse")
    text = _armoured(locked) if armoured else locked.decode("latin-1")
    with pytest.raises(RefusedError, match=r"protected by a passphrase.*Decrypt it first"):
        _open(text)


def _armoured(content: bytes) -> str:
    return f"-----BEGIN AGE ENCRYPTED FILE-----\n{content.hex()}\n-----END"


def test_ssh_key_under_a_passphrase_is_refused_with_a_reason(
    new_ssh_key: Callable[..., Key],
) -> None:
    with pytest.raises(RefusedError, match=r"SSH key .* protected by a passphrase"):
        _open(new_ssh_key(passphrase="correct horse").file.read_text())


@pytest.mark.parametrize(
    "text",
    [
        "# nothing but a comment",
        "AGE-SECRET-KEY-1QQQ",
        "AGE-PLUGIN-YUBIKEY-1QQQ",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
    ],
)
def test_what_is_no_private_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(RefusedError, match="no private key that can be used") as caught:
        _open(text)
    assert text not in str(caught.value)


def test_ecdsa_key_is_refused_as_an_identity(new_ssh_key: Callable[..., Key]) -> None:
    with pytest.raises(RefusedError, match="no private key that can be used"):
        _open(new_ssh_key("ecdsa").file.read_text())


def test_identity_from_a_file_is_named_by_that(tmp_path: Path) -> None:
    file = tmp_path / "identity.txt"
    file.write_text("nonsense\n")
    with pytest.raises(RefusedError, match=r"identity\.txt"):
        decrypted(io.BytesIO(), [Secret("file", str(file))], where="a")
