"""The rules one by one, with the results that restic has for the same schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from labferry.retention import decide
from labferry.sdk import Retention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.retention.conftest import Stored

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SUNDAYS = [f"2019-{day} 11:00" for day in (
    "09-01", "09-08", "09-15", "09-22", "09-29", "10-06",
    "10-13", "10-20", "10-27", "11-03", "11-10", "11-17",
)]  # fmt: skip
IRREGULAR = [
    "2024-12-30 08:00",  # of the first week of 2025, as ISO 8601 counts them
    "2025-01-04 08:00",
    "2025-01-05 08:00",
    "2025-01-05 23:59",
    "2025-01-06 00:00",
    "2025-02-10 10:00",
    "2025-02-10 10:59",
    "2025-02-10 11:00",
]


def _times(texts: Sequence[str]) -> list[datetime]:
    return [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts]


@pytest.mark.parametrize(
    ("schedule", "rules", "kept"),
    [
        (SUNDAYS, {"keep_last": 2}, SUNDAYS[-2:]),
        (SUNDAYS, {"keep_hourly": 3}, SUNDAYS[-3:]),
        (SUNDAYS, {"keep_daily": 4}, SUNDAYS[-4:]),
        (SUNDAYS, {"keep_weekly": 5}, SUNDAYS[-5:]),
        (SUNDAYS, {"keep_monthly": 2}, [SUNDAYS[8], SUNDAYS[11]]),
        (SUNDAYS, {"keep_monthly": 3}, [SUNDAYS[4], SUNDAYS[8], SUNDAYS[11]]),
        # There are fewer months than four: the oldest stays until there are enough.
        (SUNDAYS, {"keep_monthly": 4}, [SUNDAYS[0], SUNDAYS[4], SUNDAYS[8], SUNDAYS[11]]),
        (SUNDAYS, {"keep_yearly": 1}, SUNDAYS[-1:]),
        (SUNDAYS, {"keep_yearly": 2}, [SUNDAYS[0], SUNDAYS[11]]),
        (SUNDAYS, {"keep_within": timedelta(days=7)}, SUNDAYS[-1:]),
        (SUNDAYS, {"keep_within": timedelta(days=7, hours=1)}, SUNDAYS[-2:]),
        (SUNDAYS, {"keep_last": 1, "keep_monthly": 2}, [SUNDAYS[8], SUNDAYS[11]]),
        (SUNDAYS, {"keep_last": 99}, SUNDAYS),
        (IRREGULAR, {"keep_hourly": 2}, IRREGULAR[6:]),
        (IRREGULAR, {"keep_daily": 3}, [IRREGULAR[3], IRREGULAR[4], IRREGULAR[7]]),
        (IRREGULAR, {"keep_weekly": 3}, [IRREGULAR[3], IRREGULAR[4], IRREGULAR[7]]),
        (IRREGULAR, {"keep_weekly": 4}, [IRREGULAR[index] for index in (0, 3, 4, 7)]),
        (IRREGULAR, {"keep_monthly": 3}, [IRREGULAR[0], IRREGULAR[4], IRREGULAR[7]]),
        (IRREGULAR, {"keep_yearly": 1}, IRREGULAR[7:]),
        (IRREGULAR, {"keep_yearly": 2}, [IRREGULAR[0], IRREGULAR[7]]),
        (IRREGULAR, {"keep_within": timedelta(minutes=1)}, IRREGULAR[7:]),
        (IRREGULAR, {"keep_within": timedelta(hours=2)}, IRREGULAR[5:]),
    ],
)
def test_a_rule_keeps_what_restic_keeps(
    stored: Stored, schedule: list[str], rules: dict[str, object], kept: list[str]
) -> None:
    archives = [stored(moment) for moment in _times(schedule)]

    decisions = decide(archives, Retention.model_validate(rules), NOW)

    assert sorted(d.archive.manifest.job.submitted for d in decisions if d.keep) == _times(kept)


def test_each_reason_is_told_and_the_oldest_is_called_so(stored: Stored) -> None:
    archives = [stored(moment) for moment in _times(SUNDAYS)]
    rules = Retention(
        keep_last=1,
        keep_hourly=1,
        keep_daily=1,
        keep_weekly=2,
        keep_monthly=9,
        keep_yearly=9,
        keep_within=timedelta(days=1),
    )

    reasons = {d.archive.manifest.archive_id[:8]: d.reasons for d in decide(archives, rules, NOW)}

    assert reasons == {
        "20191117": ("within 1d", "last", "hourly", "daily", "weekly", "monthly", "yearly"),
        "20191110": ("weekly",),
        "20191027": ("monthly",),
        "20190929": ("monthly",),
        "20190901": ("oldest monthly", "oldest yearly"),
        **dict.fromkeys(
            ["20190908", "20190915", "20190922", "20191006", "20191013", "20191020", "20191103"], ()
        ),
    }


def test_what_was_exported_from_where_and_in_which_format_is_judged_apart(stored: Stored) -> None:
    (moment,) = _times(["2026-03-01 00:00"])
    archives = [
        stored(moment - timedelta(hours=hours), source=source, series=series, export_format=form)
        for hours, source, series, form in [
            (0, "lab", "user", "xml"),
            (1, "lab", "user", "html"),
            (2, "lab", "group", "xml"),
            (3, "other", "user", "xml"),
            (4, "other", "user", "xml"),
        ]
    ]

    decisions = decide(archives, Retention(keep_last=1), NOW)

    assert [d.archive for d in decisions if not d.keep] == [archives[-1]]


def test_archives_of_the_future_do_not_shorten_how_far_back_is_kept(stored: Stored) -> None:
    times = _times(["2029-12-01 00:00", "2029-12-30 00:00", "2029-12-31 00:00", "2036-01-01 00:00"])
    archives = [stored(moment) for moment in times]

    decisions = decide(archives, Retention(keep_within=timedelta(days=2)), NOW)

    assert [d.archive for d in decisions if d.keep] == archives[:0:-1]


def test_age_is_not_counted_from_an_archive_of_this_very_moment(stored: Stored) -> None:
    archives = [stored(NOW - age) for age in (timedelta(0), timedelta(days=2))]

    decisions = decide(archives, Retention(keep_within=timedelta(days=2)), NOW)

    assert all(decision.keep for decision in decisions)


def test_where_all_are_of_the_future_all_that_are_recent_stay(stored: Stored) -> None:
    archives = [stored(NOW + timedelta(days=day)) for day in (1, 500)]

    decisions = decide(archives, Retention(keep_within=timedelta(days=2)), NOW)

    assert all(d.keep for d in decisions)


def test_two_of_the_same_second_are_two(stored: Stored) -> None:
    archives = [stored(NOW, job=job) for job in (1, 2, 3)]

    decisions = decide(archives, Retention(keep_last=2), NOW)

    assert [d.keep for d in decisions] == [True, True, False]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"])
@pytest.mark.parametrize("hour", [0, 2, 3])
def test_two_years_of_nights_leave_what_was_asked_for(stored: Stored, zone: str, hour: int) -> None:
    rules = Retention(keep_last=3, keep_daily=7, keep_weekly=5, keep_monthly=12, keep_yearly=2)
    first = datetime(2024, 1, 1, hour, 30, tzinfo=ZoneInfo(zone))
    held = []
    for night in range(730):
        # Cron's way: the same time on the wall, which some nights has twice and some not at all.
        held.append(stored((first + timedelta(days=night)).astimezone(UTC), job=night))
        held = [d.archive for d in decide(held, rules, NOW) if d.keep]

    kept = decide(held, rules, NOW)
    for rule, count in {"last": 3, "daily": 7, "weekly": 5, "monthly": 12, "yearly": 2}.items():
        assert sum(rule in decision.reasons for decision in kept) == count
    days = {decision.archive.manifest.job.submitted.date() for decision in kept}
    newest = held[0].manifest.job.submitted.date()
    assert {newest - timedelta(days=days) for days in range(7)} <= days
