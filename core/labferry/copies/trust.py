"""Whether what a destination lists is what this machine stored there, as its ledger knows it."""

import logging
from collections import Counter
from collections.abc import Iterable

from labferry.config import Config
from labferry.copies.select import ListedCopy
from labferry.ledger import Copies, Copy, existing_ledger
from labferry.sdk import IntegrityError, LabferryError

_log = logging.getLogger(__name__)

TRUST_HINT = (
    "`labferry verify` says what is wrong. If another machine of yours stored it, "
    "`labferry verify --adopt` makes it known here. To use it all the same: --trust-destination."
)


class Trust:
    """What there is to say against copies; little if there is no ledger.

    A destination is somebody else's machine. Who controls it can put a consistent archive and
    manifest there; only what was written down here, when the archive was stored, tells.

    Args:
        config: The configuration, whose state folder holds the ledger.
        copies: All copies of the archives that are looked at.
    """

    def __init__(self, config: Config, copies: Iterable[ListedCopy]) -> None:
        self._known: dict[tuple[str, str], Copy] = {}
        self._strict: set[str] = set()
        self._times = Counter((copy.config.name, copy.archive_id) for copy in copies)
        try:
            with existing_ledger(config.state_dir) as ledger:
                if ledger is not None:
                    self._read(ledger.copies, config.destinations)
        except LabferryError as error:
            _log.warning("What is stored can't be compared with the ledger: %s", error)

    def _read(self, copies: Copies, destinations: Iterable[str]) -> None:
        for name in destinations:
            self._known |= {(name, copy.archive_id): copy for copy in copies.at(name)}
            if copies.has_learnt(name) and copies.stores_at(name):
                self._strict.add(name)

    def doubt(self, copy: ListedCopy) -> str:
        """Why a copy is not to be believed, as a clause after its name; empty if it is."""
        name = copy.config.name
        known = self._known.get((name, copy.archive_id))
        if known is not None and known.removed_at is not None:
            return "was removed by retention, and is there again"
        if known is not None:
            return "" if known.is_of(copy.stored) else "is not what was stored from here"
        if copy.config.settings.encrypt is not None and copy.stored.manifest.encryption is None:
            return "is not encrypted, but the configuration wants only encrypted archives there"
        if self._times[name, copy.archive_id] > 1:
            return "is there under several keys, and only one of them can be genuine"
        return "was not stored from this machine" if name in self._strict else ""

    def require(self, copy: ListedCopy) -> None:
        """Make sure that a copy is to be believed.

        Raises:
            IntegrityError: It is not.
        """
        doubt = self.doubt(copy)
        if doubt:
            raise IntegrityError(f"{copy.archive_id} {doubt}.", hint=TRUST_HINT)
