"""`labferry history`: how every run and every export ended, as this machine's ledger knows."""

from collections.abc import Collection, Iterator
from datetime import datetime

from labferry.actions.session import Session
from labferry.actions.sources import require_source
from labferry.ledger import PastRun, existing_ledger


def history(
    session: Session, since: datetime | None = None, sources: Collection[str] = ()
) -> Iterator[PastRun]:
    """The runs, oldest first.

    Args:
        session: The configuration, whose state folder has the ledger.
        since: Leave out what began before.
        sources: Only what is about these sources, also ones that are configured no more; all if
            there are none.

    Raises:
        ConfigError: A source is known neither to the configuration nor to the ledger.
        StateError: The ledger can't be used. If there is none, no run began.
    """
    with existing_ledger(session.config.state_dir) as ledger:
        known = ledger.outcomes.sources() if ledger is not None else ()
        for name in sources:
            require_source(session.config, name, known)
        if ledger is not None:
            yield from ledger.outcomes.runs(since, sources)
