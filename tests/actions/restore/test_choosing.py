"""Which archive is meant: by id, by the beginning of one, by source and date."""

from datetime import UTC, datetime, timedelta

import pytest

from labferry.sdk import ConfigError, NotFoundError

from .conftest import FIRST, RestoreLab


def test_the_beginning_of_an_id_is_enough(lab: RestoreLab) -> None:
    put = lab.store("nas")
    lab.store("nas", day=1)
    assert lab.restore("20260102").archive_id == put.id


def test_a_beginning_that_several_have_is_refused_with_all_of_them(lab: RestoreLab) -> None:
    ids = [lab.store("nas", day=day).id for day in range(12)]
    with pytest.raises(ConfigError, match=f"12 archives begin with '2026': {ids[0]}, .* 2 more"):
        lab.restore("2026")


def test_an_id_that_begins_like_another_one_is_itself(lab: RestoreLab) -> None:
    short = lab.store("nas", job="2")
    lab.store("nas", job="23")
    assert lab.restore(short.id).archive_id == short.id


def test_what_is_not_stored_is_not_found(lab: RestoreLab) -> None:
    bio = '[sources.bio]\ntype = "rspace"\nurl = "https://rspace.example.edu"\n'
    lab.configure("nas", more=f'{bio}api_key = {{ env = "NOT_SET" }}\n')
    lab.store("nas")
    for wanted, source in (("2025", None), ("2026", "bio"), ("latest", "bio")):
        with pytest.raises(NotFoundError, match="labferry list"):
            lab.restore(wanted, source=source)


def test_the_latest_is_the_newest_at_any_destination(lab: RestoreLab) -> None:
    lab.configure("nas", "offsite")
    lab.store("nas", day=1)
    newest = lab.store("offsite", day=2)
    lab.store("nas", day=0)
    assert lab.restore(source="chem").archive_id == newest.id


def test_the_latest_of_one_source_among_several(lab: RestoreLab) -> None:
    lab.store("nas", "bio", day=2)
    chem = lab.store("nas", "chem", day=1)
    assert lab.restore(source="chem").archive_id == chem.id
    with pytest.raises(ConfigError, match="--source: bio, chem"):
        lab.restore()


def test_the_latest_of_the_only_source_needs_no_source(lab: RestoreLab) -> None:
    put = lab.store("nas")
    assert lab.restore().archive_id == put.id


def test_several_series_of_one_source_are_named_with_their_latest(lab: RestoreLab) -> None:
    lab.store("nas", series="alice", job="1")
    alice = lab.store("nas", series="alice", day=1, job="2")
    bob = lab.store("nas", series="bob", day=2, job="3")
    with pytest.raises(ConfigError, match=f"{alice.id}, {bob.id}"):
        lab.restore(source="chem")


@pytest.mark.parametrize(
    ("before", "day"),
    [
        (FIRST + timedelta(days=2), 1),
        (FIRST + timedelta(days=2, microseconds=1), 2),
        (datetime(2026, 1, 4, tzinfo=UTC), 1),
        (datetime.fromisoformat("2026-01-04T05:04:05+02:00"), 1),
        (datetime(2027, 1, 1, tzinfo=UTC), 3),
    ],
)
def test_the_last_one_before_a_moment(lab: RestoreLab, before: datetime, day: int) -> None:
    ids = [lab.store("nas", day=each).id for each in range(4)]
    assert lab.restore(before=before).archive_id == ids[day]


def test_none_before_the_first(lab: RestoreLab) -> None:
    lab.store("nas")
    with pytest.raises(NotFoundError, match="before 2026-01-02 03:04 UTC"):
        lab.restore(before=FIRST)
