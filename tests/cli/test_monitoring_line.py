"""The line for monitoring systems, which cut off what is long."""

from datetime import UTC, datetime, timedelta

from labferry.actions.status import judge
from labferry.cli.status import _check
from labferry.sdk import Freshness

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def _line(rows: list[Freshness]) -> str:
    return _check(rows, [judge(each, DAY, NOW) for each in rows], DAY, NOW)


def test_an_institution_fits_and_the_worst_comes_first() -> None:
    good = [Freshness(f"lab{n}", "nas", last_success=NOW) for n in range(300)]
    bad = [Freshness(f"bad{n}", "offsite", problem="It is full. " * 200) for n in range(50)]

    line = _line([*good, *bad])

    assert len(line) < 1000
    assert line.startswith("LABFERRY CRITICAL: 300 of 350 fresh; bad0 at offsite: never stored, It")
    assert "; 48 more | 'bad0/offsite'=U;;86400;0 " in line


def test_a_few_are_all_there() -> None:
    rows = [Freshness("lab", "nas", last_success=NOW - DAY / 2), Freshness("lab", "offsite")]
    assert _line(rows) == (
        "LABFERRY CRITICAL: 1 of 2 fresh; lab at offsite: never stored "
        "| 'lab/offsite'=U;;86400;0 'lab/nas'=43200s;;86400;0"
    )
