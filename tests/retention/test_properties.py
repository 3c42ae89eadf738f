"""What holds for every schedule and every retention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from labferry.retention import Condition, decide, last_good
from labferry.sdk import Retention

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.retention.conftest import Stored

    from labferry.sdk import StoredArchive

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PERIODS: dict[str, Callable[[datetime], object]] = {
    "keep_hourly": lambda moment: moment.strftime("%Y-%m-%d %H"),
    "keep_daily": lambda moment: moment.strftime("%Y-%m-%d"),
    "keep_weekly": lambda moment: moment.strftime("%G-%V"),
    "keep_monthly": lambda moment: moment.strftime("%Y-%m"),
    "keep_yearly": lambda moment: moment.strftime("%Y"),
}
COUNTS = ("keep_last", *PERIODS)

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"]).map(ZoneInfo)
STEPS = st.one_of(
    st.just(timedelta(days=1)),
    st.timedeltas(timedelta(seconds=1), timedelta(hours=3)),
    # Gaps: nobody ran it for a while.
    st.timedeltas(timedelta(days=2), timedelta(days=400)),
    # The clock was set back.
    st.timedeltas(timedelta(days=-800), timedelta(0)),
)


@st.composite
def schedules(draw: st.DrawFn) -> list[datetime]:
    """When archives were asked for: by a wall clock that changes twice a year, and jumps."""
    # Added to a time on the wall, a day is a day on the wall.
    first = datetime(2019, 1, 1, tzinfo=draw(ZONES))
    moment = first + draw(st.timedeltas(timedelta(0), timedelta(days=2600)))
    times = []
    for step in draw(st.lists(STEPS, max_size=30)):
        times.append(moment.astimezone(UTC))
        moment += step
    return times


COUNT = st.one_of(st.just(0), st.integers(1, 4), st.just(1000))
WITHIN = st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=900))


def _whole(rules: dict[str, Any]) -> bool:
    return any(rules.values())


RULES = st.fixed_dictionaries({**dict.fromkeys(COUNTS, COUNT), "keep_within": WITHIN}).filter(
    _whole
)


def _archives(stored: Stored, times: Iterable[datetime]) -> list[StoredArchive]:
    return [stored(moment, job=job) for job, moment in enumerate(times)]


def _kept(archives: Iterable[StoredArchive], rules: dict[str, Any]) -> set[str]:
    return {d.archive.key for d in decide(archives, Retention(**rules), NOW) if d.keep}


def _newest_first(archives: Iterable[StoredArchive]) -> list[StoredArchive]:
    return sorted(
        archives, key=lambda a: (a.manifest.job.submitted, a.manifest.archive_id), reverse=True
    )


def _expected(archives: Sequence[StoredArchive], rules: dict[str, Any]) -> set[str]:
    """The rules again, said in another way."""
    ordered = _newest_first(archives)
    kept = {a.key for a in ordered[: rules["keep_last"]]}
    for rule, period in PERIODS.items():
        newest: dict[object, str] = {}
        for archive in ordered:
            newest.setdefault(period(archive.manifest.job.submitted), archive.key)
        kept |= {*[*newest.values()][: rules[rule]]}
        if len(newest) < rules[rule]:
            kept |= {a.key for a in ordered[-1:]}
    if rules["keep_within"] is not None:
        present = [a.manifest.job.submitted for a in ordered if a.manifest.job.submitted < NOW]
        since = max(present, default=NOW) - rules["keep_within"]
        kept |= {a.key for a in ordered if not present or a.manifest.job.submitted > since}
    return kept


@given(times=schedules(), rules=RULES)
def test_exactly_what_the_rules_say_is_kept(
    stored: Stored, times: list[datetime], rules: dict[str, Any]
) -> None:
    archives = _archives(stored, times)
    assert _kept(archives, rules) == _expected(archives, rules)


@given(times=schedules(), rules=RULES)
def test_the_newest_is_always_kept(
    stored: Stored, times: list[datetime], rules: dict[str, Any]
) -> None:
    archives = _archives(stored, times)
    assert {a.key for a in _newest_first(archives)[:1]} <= _kept(archives, rules)


@given(times=schedules(), rules=RULES)
def test_pruning_twice_removes_nothing_more(
    stored: Stored, times: list[datetime], rules: dict[str, Any]
) -> None:
    archives = _archives(stored, times)
    kept = _kept(archives, rules)
    assert _kept([a for a in archives if a.key in kept], rules) == kept


@given(times=schedules(), rules=RULES, data=st.data())
def test_keeping_more_never_removes_more(
    stored: Stored, times: list[datetime], rules: dict[str, Any], data: st.DataObject
) -> None:
    archives = _archives(stored, times)
    rule = data.draw(st.sampled_from(COUNTS))
    more = {**rules, rule: rules[rule] + data.draw(st.integers(1, 5))}
    if rules["keep_within"] is not None:
        more["keep_within"] = rules["keep_within"] + data.draw(
            st.timedeltas(timedelta(0), timedelta(days=100))
        )
    assert _kept(archives, rules) <= _kept(archives, more)


@given(times=schedules(), one=RULES, other=RULES)
def test_merged_rules_keep_what_either_keeps(
    stored: Stored, times: list[datetime], one: dict[str, Any], other: dict[str, Any]
) -> None:
    archives = _archives(stored, times)
    merged = {
        rule: max((rules[rule] for rules in (one, other) if rules[rule]), default=one[rule])
        for rule in one
    }
    assert _kept(archives, merged) == _kept(archives, one) | _kept(archives, other)


@given(times=schedules(), rules=RULES, data=st.data())
def test_the_order_in_which_a_destination_lists_does_not_matter(
    stored: Stored, times: list[datetime], rules: dict[str, Any], data: st.DataObject
) -> None:
    archives = _archives(stored, times)
    shuffled = data.draw(st.permutations(archives))
    assert decide(shuffled, Retention(**rules), NOW) == decide(archives, Retention(**rules), NOW)


@given(times=schedules(), rules=RULES, hours=st.integers(-14, 14))
def test_the_offset_in_which_a_time_is_written_does_not_matter(
    stored: Stored, times: list[datetime], rules: dict[str, Any], hours: int
) -> None:
    zone = timezone(timedelta(hours=hours))
    moved = _archives(stored, [moment.astimezone(zone) for moment in times])
    assert _kept(moved, rules) == _kept(_archives(stored, times), rules)


@given(times=schedules(), others=schedules(), rules=RULES)
def test_other_series_have_no_say(
    stored: Stored, times: list[datetime], others: list[datetime], rules: dict[str, Any]
) -> None:
    mine = _archives(stored, times)
    foreign = [stored(moment, source="other", job=job) for job, moment in enumerate(others)]
    assert _kept([*mine, *foreign], rules) & {a.key for a in mine} == _kept(mine, rules)


@settings(max_examples=50)
@given(times=schedules(), rules=RULES)
def test_pruning_after_each_sync_never_leaves_less_than_asked_for(
    stored: Stored, times: list[datetime], rules: dict[str, Any]
) -> None:
    held: list[StoredArchive] = []
    for archive in _archives(stored, sorted(times)):
        held = [d.archive for d in decide([*held, archive], Retention(**rules), NOW) if d.keep]
    assert _expected(_archives(stored, sorted(times)), rules) <= {a.key for a in held}


@given(times=schedules(), data=st.data())
def test_the_last_good_ones_are_good_and_the_newest_of_their_kind(
    stored: Stored, times: list[datetime], data: st.DataObject
) -> None:
    archives = _newest_first(_archives(stored, times))
    known = {a.key: data.draw(st.sampled_from(Condition)) for a in archives}
    needed = last_good(archives, lambda a: known[a.key], NOW)

    good = [a for a in archives if known[a.key] is not Condition.DAMAGED]
    assert {a.key for a in good[:1]} <= set(needed)
    current = [a for a in good if a.manifest.job.submitted <= NOW]
    assert {a.key for a in current[:1]} <= set(needed)
    assert all(known[key] is not Condition.DAMAGED for key in needed)
    read_back = [a.key for a in archives if known[a.key] is Condition.READ_BACK]
    assert set(read_back[:1]) <= set(needed)
