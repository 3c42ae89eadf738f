"""A ledger that is missing, damaged or from the future: no traceback, no doubled archive."""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from .checks import check_settled, check_told
from .conftest import Count, OpenLab
from .harness import IN_THE_DOWNLOAD, Lab

pytestmark = pytest.mark.slow

_FLIPS = 48
_SHARDS = 4


def _remove(ledger: Path) -> None:
    ledger.unlink()


def _empty(ledger: Path) -> None:
    ledger.write_bytes(b"")


def _text(ledger: Path) -> None:
    ledger.write_text("This is no database at all, but a note that somebody left here.\n" * 99)


def _other_database(ledger: Path) -> None:
    ledger.unlink()
    with sqlite3.connect(ledger) as connection:
        connection.execute("CREATE TABLE exports (something TEXT)")
    connection.close()


def _nonsense(ledger: Path) -> None:
    with sqlite3.connect(ledger) as connection:
        connection.execute('UPDATE exports SET job = \'{"phase": "dancing"}\'')
    connection.close()


def _cut(share: float) -> Callable[[Path], None]:
    def cut(ledger: Path) -> None:
        data = ledger.read_bytes()
        ledger.write_bytes(data[: int(len(data) * share)])

    return cut


_DAMAGES: dict[str, Callable[[Path], None]] = {
    "missing": _remove,
    "empty": _empty,
    "a text": _text,
    "somebody else's database": _other_database,
    "rows that make no sense": _nonsense,
    **{f"cut at {share:.1%}": _cut(share) for share in (0.01, 0.1, 0.5, 0.9, 0.999)},
}


def _interrupted(open_lab: OpenLab) -> Lab:
    """A laboratory whose run was killed in the download; the ledger's log is folded in."""
    lab = open_lab()
    assert lab.sync(at=IN_THE_DOWNLOAD).was_killed
    connection = sqlite3.connect(lab.state / "ledger.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return lab


@pytest.mark.parametrize("what", sorted(_DAMAGES))
def test_a_ledger_that_is_not_what_it_was(open_lab: OpenLab, count: Count, what: str) -> None:
    lab = _interrupted(open_lab)
    _DAMAGES[what](lab.state / "ledger.db")
    outcome = lab.sync()
    count("ledgers damaged", 1)
    count("archives checked", check_settled(lab, outcome, orphans=1))
    is_aside = bool([*lab.state.glob("ledger.db.damaged-*")])
    # The very last bytes of the file may hold nothing.
    assert is_aside == (what not in {"missing", "empty"}) or "99.9%" in what
    assert ("set aside" in outcome.stderr) == is_aside


def test_a_ledger_from_the_future_is_left_alone(open_lab: OpenLab) -> None:
    lab = _interrupted(open_lab)
    ledger = lab.state / "ledger.db"
    connection = sqlite3.connect(ledger)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    identity = connection.execute("PRAGMA application_id").fetchone()[0]
    connection.execute(f"PRAGMA user_version = {version + 1}")
    connection.execute(f"PRAGMA application_id = {identity + 1}")
    connection.close()
    before = ledger.read_bytes()
    outcome = lab.sync()
    assert outcome.code == 1
    check_told(outcome)
    assert "A newer labferry wrote the ledger" in outcome.stderr
    assert ledger.read_bytes() == before
    assert len(lab.server.exports) == 1


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(_SHARDS))
def test_one_bit_of_the_ledger_is_wrong(open_lab: OpenLab, count: Count, shard: int) -> None:
    """Anywhere: it is noticed, or does no harm; at the latest the second run is well again."""
    luck = random.Random(shard)  # noqa: S311 - seeded, to be the same each time
    good = (_interrupted(open_lab).state / "ledger.db").read_bytes()
    # The header, where every bit matters, and places all over the rest that hold something.
    used = [at for at, byte in enumerate(good) if byte]
    places = [*range(shard, 100, _SHARDS)][:12] + luck.sample(used, _FLIPS // _SHARDS)
    for at in places:
        lab = _interrupted(open_lab)
        ledger = lab.state / "ledger.db"
        data = bytearray(ledger.read_bytes())
        data[min(at, len(data) - 1)] ^= 1 << luck.randrange(8)
        ledger.write_bytes(data)
        outcome = lab.sync()
        check_told(outcome)
        count("ledgers damaged", 1)
        if outcome.code:
            outcome = lab.sync()
        assert outcome.code == 0, (at, outcome.stderr)
        count("archives checked", check_settled(lab, outcome, orphans=2))
