"""The SFTP extension check-file: a server without a shell computes the SHA-256 of a file.

asyncssh does not speak it, so it gets a session of its own, with as much of SFTP as it takes.
Whether a server has it is found out by asking: ProFTPD does not tell of it in this version of SFTP.
"""

import struct
from typing import NamedTuple

import asyncssh

# What one digest is for. ProFTPD keeps this number in 32 bits, and reads beyond a block that is no
# multiple of what it reads at a time; of a range that begins later it computes too much as well.
_BLOCK = 1 << 30
_INIT, _STATUS, _EXTENDED, _REPLY = 1, 101, 200, 201
_NO_SUCH_FILE = 2
_PROTOCOL = 3
_LONGEST = 1 << 18
_SHA256_BYTES = 32


class Hashed(NamedTuple):
    """The SHA-256 of a part of a file.

    Attributes:
        begin: Where the part begins.
        end: Where it ends.
        sha256: The SHA-256 in hexadecimal.
    """

    begin: int
    end: int
    sha256: str


async def offers_check_file(ssh: asyncssh.SSHClientConnection, missing: str) -> bool:
    """Whether the server has the extension.

    Args:
        ssh: The connection.
        missing: The path of a file that does not exist: what has the extension says just that.
    """
    kind, answer = await _ask(ssh, missing, 1)
    return kind == _STATUS and answer[4:8] == struct.pack(">I", _NO_SUCH_FILE)


async def check_file(ssh: asyncssh.SSHClientConnection, path: str, size: int) -> list[Hashed]:
    """Ask for the SHA-256 of a file, in parts of 1 GiB.

    Args:
        ssh: The connection.
        path: The file.
        size: How long it is.

    Raises:
        ValueError: The server answered something else.
    """
    kind, answer = await _ask(ssh, path, size)
    # After the number of the request comes the name of what was computed.
    digests = answer[4:].removeprefix(_string(b"sha256"))
    begins = range(0, size, _BLOCK)
    if kind != _REPLY or len(digests) != len(begins) * _SHA256_BYTES:
        raise ValueError("not a SHA-256 for each part")
    each = (digests[at : at + _SHA256_BYTES] for at in range(0, len(digests), _SHA256_BYTES))
    return [
        Hashed(begin, min(begin + _BLOCK, size), digest.hex())
        for begin, digest in zip(begins, each, strict=True)
    ]


async def _ask(ssh: asyncssh.SSHClientConnection, path: str, size: int) -> tuple[int, bytes]:
    """The kind of the server's answer, and what it says."""
    name = path.encode(errors="surrogateescape")
    words = [_string(each) for each in (b"check-file-name", name, b"sha256")]
    writer, reader, _ = await ssh.open_session(subsystem="sftp", encoding=None)
    try:
        writer.write(_packet(_INIT, struct.pack(">I", _PROTOCOL)))
        await _answer(reader)
        writer.write(_packet(_EXTENDED, bytes(4), *words, struct.pack(">QQI", 0, size, _BLOCK)))
        return await _answer(reader)
    finally:
        writer.close()


async def _answer(reader: asyncssh.SSHReader[bytes]) -> tuple[int, bytes]:
    length = int.from_bytes(await reader.readexactly(4), "big")
    if not 0 < length <= _LONGEST:
        raise ValueError("an answer that is too long")
    answer = await reader.readexactly(length)
    return answer[0], answer[1:]


def _packet(kind: int, *content: bytes) -> bytes:
    return _string(bytes([kind]) + b"".join(content))


def _string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content
