"""Reject unknown source names, so that a typo is not reported as success."""

import logging
from collections.abc import Iterable

from labferry.config import Config, suggest
from labferry.ledger import existing_ledger
from labferry.sdk import ConfigError, LabferryError

_log = logging.getLogger(__name__)


def require_source(config: Config, name: str, stored: Iterable[str]) -> None:
    """Make sure that a source is known; it need not be configured any more.

    Args:
        config: The configuration.
        name: The source that was asked for.
        stored: The sources of the archives that the destinations list.

    Raises:
        ConfigError: Neither the configuration knows it, nor the destinations, nor the ledger.
    """
    known = {*config.sources, *stored}
    if name not in known and name not in (remembered := _remembered(config)):
        raise ConfigError(
            f"There is no source {name!r} in {config.path}, and no archive of such a source is "
            "stored.",
            hint=suggest(name, sorted(known | remembered), "sources"),
        )


def _remembered(config: Config) -> set[str]:
    """The sources of all that this machine ever stored at its destinations, as far as it knows."""
    try:
        with existing_ledger(config.state_dir) as ledger:
            if ledger is None:
                return set()
            return {copy.source for name in config.destinations for copy in ledger.copies.at(name)}
    except LabferryError as error:
        _log.info("It is not known which sources there were: %s", error)
        return set()
