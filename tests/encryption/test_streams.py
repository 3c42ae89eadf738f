"""Encrypting and decrypting streams."""

import io
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from labferry.encryption import Recipients, decrypted, encrypt
from labferry.sdk import IntegrityError, RefusedError, Secret, TransientError

from .conftest import Key, NewKey

CHUNK = 65_536


def encrypted(content: bytes, *keys: Key) -> bytes:
    target = io.BytesIO()
    encrypt(io.BytesIO(content), target, Recipients([key.public for key in keys]))
    return target.getvalue()


def opened(content: bytes, *keys: Key) -> bytes:
    secrets = [key.secret for key in keys]
    with decrypted(io.BytesIO(content), secrets, where="a.zip.age") as reader:
        return reader.read()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, (1 << 20) + 7])
def test_what_was_encrypted_is_decrypted(key: Key, size: int) -> None:
    content = bytes(range(251)) * (size // 251 + 1)
    content = content[:size]
    assert opened(encrypted(content, key), key) == content


def test_two_encryptions_of_the_same_differ(key: Key) -> None:
    assert encrypted(b"lab", key) != encrypted(b"lab", key)


def test_each_of_several_recipients_can_decrypt(
    new_age_key: NewKey, new_ssh_key: Callable[..., Key]
) -> None:
    keys = [new_age_key(), new_age_key(), new_ssh_key("ed25519"), new_ssh_key("rsa")]
    content = encrypted(b"lab", *keys)
    assert [opened(content, key) for key in keys] == [b"lab"] * 4


def test_any_of_the_given_identities_may_fit(key: Key, new_age_key: NewKey) -> None:
    assert opened(encrypted(b"lab", key), new_age_key(), key) == b"lab"


def test_identity_file_may_hold_several_keys(key: Key, new_age_key: NewKey) -> None:
    text = new_age_key().file.read_text() + "\n" + key.file.read_text()
    content = io.BytesIO(encrypted(b"lab", key))
    with decrypted(content, [Secret.plain(text)], where="a.zip.age") as reader:
        assert reader.read() == b"lab"


def test_wrong_identity_is_refused_and_says_whose_is_needed(key: Key, new_age_key: NewKey) -> None:
    content = io.BytesIO(encrypted(b"lab", key))
    secrets = [new_age_key().secret]
    with (
        pytest.raises(RefusedError, match=rf"a\.zip\.age.*{key.public}.*none .* fits"),
        decrypted(content, secrets, where="a.zip.age", recipients=[key.public]) as reader,
    ):
        reader.read()


def test_no_identity_is_refused_and_says_whose_is_needed(key: Key) -> None:
    with pytest.raises(RefusedError, match=f"{key.public}, and no private key was given"):
        decrypted(io.BytesIO(), [], where="a.zip.age", recipients=[key.public])


@pytest.mark.parametrize("at", [0, 30, 70, 250, CHUNK, 2 * CHUNK + 500, -1])
def test_changed_byte_is_found(key: Key, at: int) -> None:
    content = bytearray(encrypted(bytes(3 * CHUNK), key))
    content[at] ^= 1
    # In the part that says for whom it is, damage looks like somebody else's key.
    with pytest.raises((IntegrityError, RefusedError), match=r"a\.zip\.age"):
        opened(bytes(content), key)


@pytest.mark.parametrize("left", [0, 10, 150, CHUNK, CHUNK + 216, 2 * CHUNK, -1])
def test_cut_off_end_is_found(key: Key, left: int) -> None:
    with pytest.raises(IntegrityError, match="damaged"):
        opened(encrypted(bytes(3 * CHUNK), key)[:left], key)


def test_cut_at_the_border_of_a_chunk_is_found(key: Key) -> None:
    whole = encrypted(bytes(2 * CHUNK + 100), key)
    with pytest.raises(IntegrityError, match="damaged"):
        opened(whole[: len(whole) - 116], key)


def test_something_behind_the_end_is_found(key: Key) -> None:
    with pytest.raises(IntegrityError, match="damaged"):
        opened(encrypted(b"lab", key) + b"!", key)


def test_decrypting_ends_when_it_is_closed_early(key: Key) -> None:
    before = threading.active_count()
    content = io.BytesIO(encrypted(bytes(5 << 20), key))
    with decrypted(content, [key.secret], where="a.zip.age") as reader:
        assert reader.read(10) == bytes(10)
    assert threading.active_count() == before
    assert content.tell() < 5 << 20


class Failing(io.BytesIO):
    """Fails once, in the middle."""

    failed = False

    def read(self, size: int | None = -1, /) -> bytes:
        if not self.failed and self.tell() > 0:
            self.failed = True
            raise TransientError("The line dropped.")
        return super().read(size)


def test_failure_to_read_reaches_the_reader_who_may_go_on(key: Key) -> None:
    content = Failing(encrypted(bytes(3 << 20), key))
    with decrypted(content, [key.secret], where="a.zip.age") as reader:
        got = b""
        with pytest.raises(TransientError, match="dropped"):
            got = reader.read(2 << 20)
        assert len(got) + len(reader.read()) <= 3 << 20


def test_failure_to_read_ends_the_encryption(key: Key) -> None:
    with pytest.raises(TransientError, match="dropped"):
        encrypt(Failing(bytes(3 << 20)), io.BytesIO(), Recipients([key.public]))


class Full(io.BytesIO):
    """Has room for so many bytes."""

    room = 0

    def write(self, data: bytes, /) -> int:  # type: ignore[override]  # bytes are all it gets
        self.room -= len(data)
        if self.room < 0:
            raise OSError(28, "No space left")
        return super().write(data)


@pytest.mark.parametrize("room", [0, 100, 300_000, 300_200])
def test_failure_to_write_any_byte_is_noticed(key: Key, room: int) -> None:
    target = Full()
    target.room = room
    with pytest.raises(OSError, match="No space left"):
        encrypt(io.BytesIO(bytes(300_000)), target, Recipients([key.public]))


MEMORY = """
import sys
from pathlib import Path
from labferry.sdk import Secret
from labferry.encryption import Recipients, decrypted, encrypt

size = 300 << 20

class Zeros:
    left = size
    def read(self, count):
        count = min(count, self.left)
        self.left -= count
        return bytes(count)

public, private, path = sys.argv[1:]
recipients = Recipients([public])
with open(path, "wb") as target:
    encrypt(Zeros(), target, recipients)
count = 0
secret = Secret.plain(Path(private).read_text())
with open(path, "rb") as source, decrypted(source, [secret], where="big") as reader:
    while chunk := reader.read(1 << 20):
        count += len(chunk)
assert count == size
# Not getrusage: that begins with what the parent had.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(status["VmHWM"].removesuffix("kB"))
"""


def test_much_is_streamed_in_little_memory(key: Key, tmp_path: Path) -> None:
    arguments = [key.public, str(key.file), str(tmp_path / "big.age")]
    peak = subprocess.run(
        [sys.executable, "-c", MEMORY, *arguments], check=True, capture_output=True, text=True
    ).stdout
    assert int(peak) < 100 << 10, "kilobytes, the interpreter included"
    (tmp_path / "big.age").unlink()
