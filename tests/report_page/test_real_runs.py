"""The report of runs that really happened, against a simulated server."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.lab import LabInProcess, environment

from labferry.actions.report.figures import Ended
from labferry.actions.report.gather import report
from labferry.actions.session import open_stores
from labferry.actions.status import Level
from labferry.report_page.page import render
from labferry.report_page.sections import level
from labferry.testing.rspace import ALICE_KEY, SimulatedRSpace

from .conftest import Page


def test_syncs_that_went_well_and_one_that_did_not(tmp_path: Path) -> None:
    lab = LabInProcess(tmp_path, environment(tmp_path, tmp_path))
    nas = lab.destination()
    key = {"env": "ALICE_KEY"}
    with SimulatedRSpace() as server:
        chem = {"type": "rspace", "url": server.url, "api_key": key, "poll_interval": "10ms"}
        lab.write({"chem": chem})
        assert [lab.run("sync").code, lab.run("sync").code] == [0, 0]
        nas.rename(tmp_path / "aside")
        assert lab.run("sync").code != 0
        (tmp_path / "aside").rename(nas)

    found = report(open_stores(lab.config), timedelta(hours=26), datetime.now(UTC))
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
