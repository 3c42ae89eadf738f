"""Cases about what a sink class declares."""
# ruff: noqa: S101 - assert is how pytest checks

import re

import pytest
from pydantic import ValidationError

from labferry.sdk.described import descriptions
from labferry.sdk.sink import SinkTraits
from labferry.sdk.sink_settings import SinkSettings
from labferry.testing.sink.base import ContractBase

__all__ = ["DeclaredCases"]


class DeclaredCases(ContractBase):
    """The class attributes are what the core and the documentation rely on."""

    def test_type_is_a_plain_word(self) -> None:
        """`type` can be written in TOML and on a command line."""
        assert re.fullmatch(r"[a-z][a-z0-9-]*", self.sink_class.type)

    def test_traits_are_sink_traits(self) -> None:
        """`traits` is what the core asks before it relies on anything."""
        assert isinstance(self.sink_class.traits, SinkTraits)

    def test_every_setting_is_described(self) -> None:
        """Editors and the reference pages show a description for every key."""
        assert issubclass(self.sink_class.Settings, SinkSettings)
        settings = self.sink_class.Settings
        assert settings.model_fields.keys() - descriptions(settings) == set()

    def test_unknown_setting_is_a_mistake(self) -> None:
        """A misspelt key is refused, not ignored."""
        with pytest.raises(ValidationError):
            self.sink_class.Settings.model_validate({**self._settings, "no-such-key": 1})

    def test_making_and_closing_a_sink_changes_nothing(self) -> None:
        """A sink that is made for `status` or `--dry-run` leaves no trace; close is idempotent."""
        with self.sink() as sink:
            sink.close()
        assert self.raw.names() == {}
