"""Cases about what a source class declares."""
# ruff: noqa: S101 - assert is how pytest checks

import re

import pytest
from pydantic import ValidationError

from labferry.sdk.described import descriptions
from labferry.sdk.settings import SourceSettings
from labferry.testing.source.base import ContractBase

__all__ = ["DeclaredCases"]


class DeclaredCases(ContractBase):
    """The class attributes are what the core and the documentation rely on."""

    def test_type_is_a_plain_word(self) -> None:
        """`type` can be written in TOML and on a command line."""
        assert re.fullmatch(r"[a-z][a-z0-9-]*", self.source_class.type)

    def test_every_setting_is_described(self) -> None:
        """Editors and the reference pages show a description for every key."""
        assert issubclass(self.source_class.Settings, SourceSettings)
        settings = self.source_class.Settings
        assert settings.model_fields.keys() - descriptions(settings) == set()

    def test_unknown_setting_is_a_mistake(self) -> None:
        """A misspelt key is refused, not ignored."""
        with pytest.raises(ValidationError):
            self.source_class.Settings.model_validate({**self._settings, "no-such-key": 1})

    def test_times_and_address_are_usable(self) -> None:
        """The core waits as long as the source says; the manifest holds the address."""
        with self.source() as source:
            assert source.poll_interval > 0
            assert source.job_timeout >= source.poll_interval
            assert source.url

    def test_closing_is_idempotent(self) -> None:
        """A source may be closed unused, used, and twice."""
        with self.source() as source:
            source.close()
        with self.source() as source:
            source.lanes()
            source.close()
