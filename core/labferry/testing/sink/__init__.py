"""The conformance suite for sinks: subclass `SinkContract` and run pytest."""

from pkgutil import iter_modules

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in iter_modules(__path__)))

from labferry.testing.sink.contract import SinkContract  # noqa: E402 - rewritten from here on
from labferry.testing.sink.storage import FolderStorage, RawStorage  # noqa: E402 - as above

__all__ = ["FolderStorage", "RawStorage", "SinkContract"]
