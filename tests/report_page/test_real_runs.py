"""The report of runs that really happened, against a simulated server."""

import logging
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labferry.actions.report.figures import Ended
from labferry.actions.report.gather import report
from labferry.actions.session import open_stores
from labferry.actions.status import Level
from labferry.cli.main import main
from labferry.report_page.page import render
from labferry.report_page.sections import level
from labferry.testing.rspace import ALICE_KEY, SimulatedRSpace

from .conftest import Page

CONFIG = """\
state_dir = "state"

[sources.chem]
type = "rspace"
url = "{url}"
api_key = {{ env = "REPORT_KEY" }}
scope = "user"
poll_interval = "10ms"

[destinations.nas]
type = "local"
path = "nas"
"""


@pytest.fixture
def _handlers() -> Iterator[None]:
    """A sync in this process takes over signals and logging."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    logger = logging.getLogger()
    before = logger.handlers[:], logger.level
    yield
    logger.handlers[:], logger.level = before
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _sync(config: Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["sync", "-c", str(config)])
    return int(ended.value.code or 0)


@pytest.mark.usefixtures("_handlers")
def test_syncs_that_went_well_and_one_that_did_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPORT_KEY", ALICE_KEY)
    config, nas = tmp_path / "labferry.toml", tmp_path / "nas"
    nas.mkdir()
    with SimulatedRSpace() as server:
        config.write_text(CONFIG.format(url=server.url), encoding="utf-8")
        assert [_sync(config), _sync(config)] == [0, 0]
        nas.rename(tmp_path / "aside")
        assert _sync(config) != 0
        (tmp_path / "aside").rename(nas)

    found = report(open_stores(config), timedelta(hours=26), datetime.now(UTC))
    page = render(found)

    assert found.runs == 3
    assert sum(period.ended.get(Ended.COMPLETE, 0) for period in found.periods) == 2
    assert [level(row, found) for row in found.rows] == [Level.WARNING]
    assert found.rows[0].problem
    sizes = [path.stat().st_size for path in sorted(nas.rglob("*.zip"))]
    assert [point.size for each in found.series for point in each.points] == sizes
    assert sum(period.size for period in found.periods) >= sum(sizes)
    assert any(period.rates for period in found.periods)
    assert found.coverage[0].counts == {"week": 2}
    assert ALICE_KEY not in page
    assert Page(page).text.count("Warning") == 1
    assert "Traceback" not in capsys.readouterr().err
