"""Whom an archive is encrypted for."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from labferry.encryption.age import load_age
from labferry.sdk import ConfigError

_FORMS = "an age public key (age1…) or an SSH public key (ssh-ed25519 AAAA… or ssh-rsa AAAA…)"
_PRIVATE = ("AGE-SECRET-KEY-", "AGE-PLUGIN-", "-----BEGIN")


class Recipients:
    """Public keys; whoever has the private key of one of them can decrypt.

    Args:
        given: The keys as the configuration has them.

    Attributes:
        keys: The keys, each once, without the comments that SSH keys may carry, in one order.

    Raises:
        ConfigError: One of them is no public key.
        PluginError: The library for encryption is not installed.
    """

    def __init__(self, given: Sequence[str]) -> None:
        parsed = {_plain(text): _parse(text) for text in given}
        self.keys = tuple(sorted(parsed))
        self._parsed = [parsed[key] for key in self.keys]

    @property
    def digest(self) -> str:
        """A short name for this set of recipients, the same however it was written."""
        return hashlib.sha256("\n".join(self.keys).encode()).hexdigest()[:16]

    def for_age(self) -> list[Any]:
        """The keys as the library wants them."""
        return list(self._parsed)

    @staticmethod
    def mistakes(given: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Which of the given keys are none, by position, and why.

        Raises:
            PluginError: The library for encryption is not installed.
        """
        load_age()
        for index, text in enumerate(given):
            try:
                _parse(text)
            except ConfigError as error:
                yield index, error.message


def _plain(text: str) -> str:
    """The key without spaces around it and, where it is an SSH key, without its comment."""
    words = text.split()
    return " ".join(words[:2]) if text.strip().startswith("ssh-") else "".join(words)


def _parse(text: str) -> Any:  # noqa: ANN401 - the library has no types
    age = load_age()
    # The text is not repeated: somebody may have put a private key here.
    if text.strip().upper().startswith(_PRIVATE):
        raise ConfigError(f"expected {_FORMS}, but this is a private key: keep it out of here")
    kind = age.ssh if text.strip().startswith("ssh-") else age.x25519
    try:
        return kind.Recipient.from_str(_plain(text))
    except age.RecipientError:
        raise ConfigError(f"expected {_FORMS}") from None
