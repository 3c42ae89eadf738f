"""The library that knows the age format, loaded only where something is encrypted."""

from collections.abc import Callable
from typing import Any

from labferry.sdk import PluginError

BLOCK = 1 << 20
"""How many bytes are read at a time."""


def load_age() -> Any:  # noqa: ANN401 - the library has no types
    """The library.

    Raises:
        PluginError: It is not installed.
    """
    try:
        import pyrage  # noqa: PLC0415 - only who encrypts needs it
    except ImportError as error:
        raise PluginError(
            f"Encryption needs the package pyrage, which can't be loaded: {error}.",
            hint='Install it where labferry is, as with: pip install "labferry[encrypt]"',
        ) from None
    return pyrage


class Blocks:
    """A file to read from, for the library: it asks for a few kilobytes at a time.

    Args:
        following: The next bytes, as many as it likes; nothing at the end.
    """

    def __init__(self, following: Callable[[], bytes]) -> None:
        self._following = following
        self._block = memoryview(b"")

    def read(self, size: int = BLOCK) -> bytes:
        """The next bytes, at most so many; nothing at the end."""
        if not self._block:
            self._block = memoryview(self._following())
        some, self._block = self._block[:size], self._block[size:]
        return bytes(some)
