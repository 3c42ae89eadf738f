"""Rolling read-back: deterministic, even, and no copy is ever left longer than was promised."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labferry.sync.verify_schedule import Rule, Unread, choose_share, longest_gap

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERY = 30 * DAY
SIZES = st.lists(st.integers(0, 1000), min_size=1, max_size=25)


class Store:
    """Copies at a destination that syncs come to."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.copies: dict[str, Unread] = {}
        self.oldest = timedelta()
        self.most = 0

    def add(self, sizes: Sequence[int]) -> None:
        for size in sizes:
            name = f"a{len(self.copies):04}"
            self.copies[name] = Unread(name, size, self.now)

    def sync(self, rule: Rule) -> Sequence[Unread]:
        share = choose_share(self.copies.values(), self.now, rule)
        self.oldest = max([self.oldest, *(self.now - copy.since for copy in self.copies.values())])
        self.most = max(self.most, sum(copy.size for copy in share))
        for copy in share:
            self.copies[copy.archive_id] = replace(copy, since=self.now)
        return share


def intervals(longest: timedelta) -> st.SearchStrategy[list[timedelta]]:
    return st.lists(st.timedeltas(timedelta(0), longest), min_size=1, max_size=150)


@settings(max_examples=300, deadline=None)
@given(
    sizes=SIZES,
    gap=st.timedeltas(HOUR, 40 * DAY),
    data=st.data(),
)
def test_no_copy_is_older_than_promised_if_syncs_come_as_expected(
    sizes: list[int], gap: timedelta, data: st.DataObject
) -> None:
    store, rule = Store(NOW), Rule(EVERY, gap)
    store.add(sizes)
    for pause in data.draw(intervals(gap)):
        store.now += pause
        store.sync(rule)
        store.add(data.draw(st.just([]) | st.lists(st.integers(0, 1000), max_size=2)))
        if store.copies and data.draw(st.integers(0, 5)) == 0:
            store.copies.pop(data.draw(st.sampled_from(sorted(store.copies))))
    # Where syncs are further apart than the period, each reads everything.
    assert store.oldest <= max(EVERY, gap)


@settings(max_examples=300, deadline=None)
@given(sizes=SIZES, gap=st.timedeltas(HOUR, 20 * DAY), data=st.data())
def test_sufficient_budget_is_never_exceeded_and_the_promise_is_kept(
    sizes: list[int], gap: timedelta, data: st.DataObject
) -> None:
    pauses = data.draw(intervals(gap))
    added = [data.draw(st.just([]) | st.lists(st.integers(0, 1000), max_size=2)) for _ in pauses]
    everything = sizes + [size for more in added for size in more]
    pace = sum(everything) * (gap / (EVERY - gap))
    budget = int(pace) + 1 + max(everything)
    store, rule = Store(NOW), Rule(EVERY, gap, budget)
    store.add(sizes)
    for pause, more in zip(pauses, added, strict=True):
        store.now += pause
        store.sync(rule)
        store.add(more)
    assert store.oldest <= EVERY
    assert store.most <= budget


@given(sizes=SIZES, hours=st.integers(0, 2000))
def test_share_is_the_same_whatever_the_order(sizes: list[int], hours: int) -> None:
    store, rule = Store(NOW), Rule(EVERY, DAY, 500)
    store.add(sizes)
    now = NOW + hours * HOUR
    copies = list(store.copies.values())
    assert choose_share(copies, now, rule) == choose_share(copies[::-1], now, rule)


def test_copies_of_one_day_are_spread_over_the_period() -> None:
    store, rule = Store(NOW), Rule(EVERY, DAY)
    store.add([100] * 29)
    counts = []
    for _ in range(30):
        store.now += DAY
        counts.append(len(store.sync(rule)))
    assert all(copy.since > NOW for copy in store.copies.values())
    assert max(counts) <= 2


def test_single_copy_is_read_at_the_last_sync_before_it_is_too_old() -> None:
    store, rule = Store(NOW), Rule(EVERY, DAY)
    store.add([100])
    read = []
    for day in range(1, 62):
        store.now += DAY
        if store.sync(rule):
            read.append(day)
    assert read == [30, 60]


def test_frequent_syncs_read_no_more_than_rare_ones() -> None:
    store, rule = Store(NOW), Rule(EVERY, HOUR)
    store.add([100] * 10)
    read = 0
    while store.now < NOW + 3 * EVERY:
        store.now += HOUR
        read += len(store.sync(rule))
    assert 30 <= read <= 32


@pytest.mark.parametrize("late", [timedelta(0), DAY, 100 * DAY])
def test_overdue_copies_are_read_whatever_the_budget(late: timedelta) -> None:
    copies = [Unread("a", 1000, NOW - EVERY - late), Unread("b", 1000, NOW)]
    assert choose_share(copies, NOW, Rule(EVERY, DAY, budget=1)) == copies[:1]


def test_budget_holds_back_what_is_not_overdue() -> None:
    copies = [Unread(f"{n}", 100, NOW - EVERY + HOUR) for n in range(5)]
    assert len(choose_share(copies, NOW, Rule(EVERY, DAY, budget=250))) == 2
    assert len(choose_share(copies, NOW, Rule(EVERY, DAY))) == 5


def test_copy_larger_than_the_budget_lets_smaller_ones_pass_until_it_is_overdue() -> None:
    big = Unread("big", 1000, NOW - EVERY + HOUR)
    small = Unread("small", 10, NOW - EVERY + 2 * HOUR)
    rule = Rule(EVERY, DAY, budget=100)
    assert choose_share([big, small], NOW, rule) == [small]
    assert choose_share([big], NOW + HOUR, rule) == [big]


def test_nothing_stored_is_nothing_to_read() -> None:
    assert choose_share([], NOW, Rule(EVERY, DAY, 1)) == []


def test_next_sync_is_expected_as_late_as_any_was() -> None:
    rounds = [NOW, NOW + 12 * HOUR, NOW + 3 * DAY, NOW + 3 * DAY + HOUR]
    assert longest_gap(rounds) == 60 * HOUR
    assert longest_gap([NOW]) == DAY
    assert longest_gap([NOW, NOW + HOUR, NOW + 2 * HOUR]) == DAY
    assert longest_gap([NOW + n * HOUR for n in range(25)]) == HOUR
