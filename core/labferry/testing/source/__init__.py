"""The conformance suite for sources: subclass `SourceContract` and run pytest."""

from pkgutil import iter_modules

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in iter_modules(__path__)))

from labferry.testing.source.base import Missing  # noqa: E402 - rewritten from here on
from labferry.testing.source.contract import SourceContract  # noqa: E402 - as above

__all__ = ["Missing", "SourceContract"]
