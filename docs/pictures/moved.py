"""labferry at another time: `python -m docs.pictures.moved MOMENT ARGUMENTS…`.

Its clock begins at the moment, written as ISO 8601, so that pictures made today and tomorrow show
the same dates. Nothing else of it is changed.
"""

import importlib
import sys
from datetime import datetime, timedelta, tzinfo
from typing import Self
from unittest import mock

from typing_extensions import override

_MODULES = (
    "labferry.actions.drill",
    "labferry.actions.verify.verifier",
    "labferry.actions.prune",
    "labferry.cli.list",
    "labferry.cli.params",
    "labferry.cli.report",
    "labferry.cli.status",
    "labferry.runtime.clock",
    "labferry.runtime.lock",
    "labferry.ledger.ledger",
)
"""Where labferry asks for the time."""


def moved(moment: datetime, arguments: list[str]) -> int:
    """Call labferry at a moment.

    Args:
        moment: When the call begins.
        arguments: What follows `labferry` on the command line.

    Returns:
        The exit code.
    """
    shift = moment - datetime.now(moment.tzinfo)

    class Moved(_Moved):
        by = shift

    modules = [importlib.import_module(name) for name in _MODULES]
    main = importlib.import_module("labferry.cli.main").main
    patches = [mock.patch.object(module, "datetime", Moved) for module in modules]
    for patch in patches:
        patch.start()
    try:
        main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        for patch in patches:
            patch.stop()
    return 0


class _Moved(datetime):
    by: timedelta

    @classmethod
    @override
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp((datetime.now(tz) + cls.by).timestamp(), tz)


if __name__ == "__main__":
    sys.exit(moved(datetime.fromisoformat(sys.argv[1]), sys.argv[2:]))
