"""The bytes of a finished export, and the packing of a zip as RSpace does it."""

import io
import secrets
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import Protocol

CHUNK = 256 * 1024


class Archive(Protocol):
    """Bytes of a known size and CRC-32, read in pieces."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    @property
    def crc32(self) -> int:
        """The CRC-32 of all of them."""

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` up to ``stop``."""


@dataclass(frozen=True)
class BytesArchive:
    """An archive in memory; ``unpacked`` is the size of its members."""

    data: bytes = field(repr=False)
    unpacked: int = 0

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    @property
    def crc32(self) -> int:
        """The CRC-32 of all of them."""
        return zlib.crc32(self.data)

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` up to ``stop``."""
        for at in range(start, stop, CHUNK):
            yield self.data[at : min(at + CHUNK, stop)]


class _Pipe(io.RawIOBase):
    """A sink that cannot seek, so that members get data descriptors as in RSpace's zips."""

    def __init__(self, whole: bytearray) -> None:
        self._whole = whole

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override] # zipfile writes bytes only
        self._whole += data
        return len(data)


def pack(root: str, members: Mapping[str, bytes], when: datetime) -> bytes:
    """Zip ``members`` below one folder ``root``, in an order nobody can rely on."""
    whole = bytearray()
    stamp = (when.year, when.month, when.day, when.hour, when.minute, when.second)
    with zipfile.ZipFile(_Pipe(whole), "w", zipfile.ZIP_DEFLATED) as archive:
        for name in _any_order(members):
            info = zipfile.ZipInfo(f"{root}/{name}", stamp)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 0
            archive.writestr(info, members.get(name, b""))
    return bytes(whole)


def _any_order(members: Mapping[str, bytes]) -> list[str]:
    """The root, then each folder and what is in it, shuffled as the server's file system likes."""
    by_folder: dict[str, list[str]] = {}
    for name in members:
        if not name.endswith("/"):
            parent = str(PurePosixPath(name).parent)
            by_folder.setdefault("" if parent == "." else f"{parent}/", []).append(name)
    for name in members:
        if name.endswith("/"):
            by_folder.setdefault(name, [])
    order = [""]
    for folder in _shuffled(by_folder):
        order += [folder] if folder else []
        order += _shuffled(by_folder[folder])
    return order


def _shuffled(names: Mapping[str, object] | list[str]) -> list[str]:
    return sorted(names, key=lambda _: secrets.randbits(32))
