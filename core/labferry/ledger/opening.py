"""Where the ledger is, and opening it if there is one."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from labferry.ledger.ledger import Ledger


def ledger_file(state_dir: Path) -> Path:
    """The ledger of a state folder."""
    return state_dir / "ledger.db"


@contextmanager
def existing_ledger(state_dir: Path) -> Iterator[Ledger | None]:
    """The ledger of a state folder, to look at; None if there is none yet. Nothing is mended.

    Raises:
        StateError: It can't be used.
    """
    path = ledger_file(state_dir)
    if not path.exists():
        yield None
        return
    with closing(Ledger(path, mend=False)) as ledger:
        yield ledger
