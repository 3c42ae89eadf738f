"""What retention asks of the ledger."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labferry.ledger import Export, Ledger
from labferry.sync.retention_state import RetentionState

from .conftest import Stored


def test_a_source_is_asked_for_once_however_many_series_it_has(
    stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    archives = [
        stored(moment, job=number, source=source, series=f"user {number}")
        for source in ("lab", "other")
        for number in range(20)
    ]
    asked: list[str] = []
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        newest = ledger.newest

        def count(source: str) -> Sequence[Export]:
            asked.append(source)
            return newest(source)

        monkeypatch.setattr(ledger, "newest", count)
        exports = RetentionState(ledger, "nas").exports(archives)
    assert len(exports) == len(archives)
    assert sorted(asked) == ["lab", "other"]
