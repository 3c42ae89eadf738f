"""Whose work stored archives hold, by the newest names that are known."""

import logging
from collections.abc import Iterable

from labferry.config import Config
from labferry.copies.select import ListedCopy, series_key
from labferry.copies.trust import Trust
from labferry.ledger import KnownNames, existing_ledger
from labferry.sdk import LabferryError, Names

_log = logging.getLogger(__name__)


class NewestNames:
    """The newest names of each series, from the manifests of what is stored and from the ledger.

    Args:
        config: The configuration, whose state folder holds the ledger.
        copies: What is stored; a copy that the ledger here does not believe names nobody.
        trust: What the ledger has to say against copies.
    """

    def __init__(self, config: Config, copies: Iterable[ListedCopy], trust: Trust) -> None:
        self._known: dict[tuple[str, str], KnownNames] = {}
        for copy in sorted(copies, key=lambda copy: copy.taken, reverse=True):
            key, names = series_key(copy), copy.stored.manifest.names
            if names and key not in self._known and not trust.doubt(copy):
                self._known[key] = KnownNames(names, copy.taken)
        try:
            with existing_ledger(config.state_dir) as ledger:
                for key, known in ledger.names.all().items() if ledger is not None else ():
                    if key not in self._known or known.since > self._known[key].since:
                        self._known[key] = known
        except LabferryError as error:
            _log.info("Names that only the ledger knows are not shown: %s", error)

    def of(self, copy: ListedCopy) -> Names:
        """Whose work a copy holds; none if only its sealed manifest may know."""
        known = self._known.get(series_key(copy))
        return known.names if known is not None else copy.stored.manifest.names
