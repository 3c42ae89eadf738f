"""Both ways to inflate find the same bytes good, and come to the same CRC-32."""

import importlib.util
import sys
import zlib
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labferry.sdk import fast_zlib


def _load(*, with_isal: bool) -> ModuleType:
    spec = importlib.util.spec_from_file_location("another_fast_zlib", fast_zlib.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        if not with_isal:
            patch.setitem(sys.modules, "isal", None)
        spec.loader.exec_module(module)
    return module


WAYS = {"isal": _load(with_isal=True), "zlib": _load(with_isal=False)}


def _unpack(way: ModuleType, packed: bytes, piece: int) -> bytes | None:
    """The content, taken out in pieces; None if the stream is damaged or does not end."""
    stream, found, rest = way.inflater(), b"", packed
    try:
        while not stream.eof:
            chunk = stream.decompress(rest, piece)
            found, rest = found + chunk, stream.unconsumed_tail
            if not rest and len(chunk) < piece:
                break
    except way.INFLATE_ERRORS:
        return None
    return found if stream.eof and not stream.unused_data else None


def test_each_is_the_one_it_should_be() -> None:
    assert "isal" in WAYS["isal"].inflater().__class__.__module__
    assert "isal" not in WAYS["zlib"].inflater().__class__.__module__
    assert WAYS["zlib"].crc32 is zlib.crc32
    assert WAYS["isal"].crc32 is not zlib.crc32


@given(st.binary(max_size=5000), st.integers(0, 9), st.integers(1, 6000))
def test_content_comes_back(data: bytes, level: int, piece: int) -> None:
    packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    for way in WAYS.values():
        assert _unpack(way, packed, piece) == data
        assert _unpack(way, packed + b"more", piece) is None
        assert _unpack(way, packed[:-1], piece) is None
        assert way.crc32(data, 7) == zlib.crc32(data, 7)


@given(st.binary(max_size=2000), st.data())
def test_damage_is_seen_in_the_same_way(data: bytes, draw: st.DataObject) -> None:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = bytearray(packer.compress(data) + packer.flush())
    at = draw.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= draw.draw(st.integers(1, 255))
    assert len({_unpack(way, bytes(packed), 1 << 20) for way in WAYS.values()}) == 1
