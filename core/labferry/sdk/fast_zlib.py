"""CRC-32 and inflate: isal's, which are several times as fast, or those of Python itself.

isal comes with the extra `fast`. Both find the same bytes good.
https://github.com/pycompression/python-isal
"""

import zlib
from collections.abc import Callable
from typing import Protocol, cast

from typing_extensions import Buffer

__all__ = ["INFLATE_ERRORS", "Inflater", "crc32", "inflater"]


class Inflater(Protocol):
    """What unpacks a raw deflate stream, as `zlib.decompressobj` describes it."""

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was reached."""

    @property
    def unconsumed_tail(self) -> bytes:
        """What was not unpacked yet, as `max_length` came first."""

    @property
    def unused_data(self) -> bytes:
        """What follows the stream."""

    def decompress(self, data: Buffer, max_length: int = ..., /) -> bytes:
        """The next bytes, at most so many."""


INFLATE_ERRORS: tuple[type[Exception], ...] = (zlib.error,)
"""What is raised for bytes that can't be inflated."""

_decompressobj: Callable[[int], Inflater]

try:
    from isal import isal_zlib
except ImportError:
    from zlib import crc32

    _decompressobj = zlib.decompressobj
else:
    from isal.isal_zlib import crc32

    _decompressobj = isal_zlib.decompressobj
    # Its type information says that this is an exception, not a class of them.
    INFLATE_ERRORS = (zlib.error, cast("type[Exception]", isal_zlib.error))


def inflater() -> Inflater:
    """Unpacks one raw deflate stream, as zip files have them."""
    return _decompressobj(-zlib.MAX_WBITS)
