"""What the ledger remembers of runs and exports."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labferry.ledger import Export, Ledger, Run
from labferry.lifecycle import ExportJob, Phase
from labferry.sdk import Digests, ExportRequest, Offer, Source

Plan = Callable[..., Export]

MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the time zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
TEXTS = st.text(max_size=20)
SECONDS = st.floats(0, 1e9, allow_nan=False)
COUNTS = st.integers(0, 2**40)
JOBS = st.builds(
    ExportJob,
    phase=st.sampled_from([phase for phase in Phase if not phase.is_over]),
    submitted_at=st.none() | MOMENTS,
    server_job=TEXTS,
    link=TEXTS,
    percent=st.none() | st.floats(0, 100),
    offer=st.none()
    | st.builds(Offer, st.none() | TEXTS, st.none() | COUNTS, st.none() | st.integers(0, 2**32)),
    validator=st.none() | TEXTS,
    completed_at=st.none() | MOMENTS,
    expires_at=st.none() | MOMENTS,
    verified_at=st.none() | MOMENTS,
    digests=st.none() | st.builds(Digests, TEXTS, COUNTS, st.none() | TEXTS),
    not_before=st.none() | MOMENTS,
    pause=SECONDS,
    waiting_for=TEXTS,
    since=st.none() | MOMENTS,
    failures=COUNTS,
    broken=COUNTS,
    losses=COUNTS,
    corrupted=COUNTS,
    gone=COUNTS,
    renewals=COUNTS,
    reason=TEXTS,
    exit_code=st.integers(0, 255),
)


def test_run_is_noted_when_it_begins_and_when_it_ends(ledger: Ledger, now: datetime) -> None:
    run = ledger.begin_run(now)
    assert ledger.run(run) == Run(run, now, None, None)
    ended = now + timedelta(minutes=1)
    ledger.end_run(run, ended, 75)
    assert ledger.run(run) == Run(run, now, ended, 75)


def test_runs_have_numbers_of_their_own(ledger: Ledger, now: datetime) -> None:
    assert len({ledger.begin_run(now) for _ in range(3)}) == 3


def test_planned_export_says_everything_about_its_origin(run: int, plan: Plan) -> None:
    export = plan("chem", "group 23", scope="group")
    assert export == Export(
        id=export.id,
        run=run,
        source="chem",
        source_type="notebook",
        source_url="https://eln.example.edu",
        lane="alice@eln",
        request=ExportRequest("group 23", "Group 23", {"scope": "group"}),
        job=ExportJob(),
    )


def test_export_is_read_as_it_was_planned(ledger: Ledger, plan: Plan) -> None:
    exports = [plan("chem"), plan("bio", "all", query="Größe", pages="1\n2")]
    assert list(ledger.unfinished()) == exports


def test_request_for_one_lane_is_read_as_it_was(
    ledger: Ledger, run: int, notebook: Source[Any]
) -> None:
    request = ExportRequest("s", "t", {"ids": [1, 2], "deep": {"x": None}}, lane="bob@eln")
    ledger.plan(run, notebook, "bob@eln", request)
    assert [export.request for export in ledger.unfinished()] == [request]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(job=JOBS)
def test_any_job_is_read_as_it_was_saved(job: ExportJob, ledger: Ledger, plan: Plan) -> None:
    if job.offer is not None:
        job = replace(job, offer=replace(job.offer, link=None))
    export = replace(plan(), job=job)
    ledger.save(export)
    assert ledger.unfinished()[-1] == export
    ledger.forget(export)


def test_link_that_lets_anyone_in_is_not_written(ledger: Ledger, plan: Plan) -> None:
    offer = Offer("https://s3.example.edu/x?X-Amz-Signature=aa", 1, 2, ".csv", 3.0)
    ledger.save(replace(plan(), job=ExportJob(offer=offer)))
    assert ledger.unfinished()[0].job.offer == replace(offer, link=None)


def test_last_stored_export_is_of_the_same_series(ledger: Ledger, plan: Plan) -> None:
    first, other, newest = plan("chem", "a"), plan("chem", "b"), plan("chem", "a")
    assert ledger.last_stored("chem", first.request.series) is None
    for export, phase in [(first, Phase.DONE), (other, Phase.DONE), (newest, Phase.UNCHANGED)]:
        ledger.save(replace(export, job=ExportJob(phase=phase)))
    stored = ledger.last_stored("chem", first.request.series)
    assert stored is not None
    assert stored.id == first.id
    assert ledger.last_stored("bio", first.request.series) is None


def test_moments_of_other_time_zones_stay_the_same_moments(ledger: Ledger, plan: Plan) -> None:
    moment = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=5)))
    ledger.save(replace(plan(), job=ExportJob(submitted_at=moment)))
    assert ledger.unfinished()[0].job.submitted_at == moment


def test_saving_notes_who_works_on_it_now(ledger: Ledger, plan: Plan, now: datetime) -> None:
    changed = replace(plan(), run=ledger.begin_run(now), lane="bob@eln")
    ledger.save(changed)
    assert list(ledger.unfinished()) == [changed]


@pytest.mark.parametrize("phase", Phase)
def test_unfinished_are_those_that_are_not_over(phase: Phase, ledger: Ledger, plan: Plan) -> None:
    ledger.save(replace(plan(), job=ExportJob(phase=phase)))
    assert bool(ledger.unfinished()) != phase.is_over


def test_unfinished_come_oldest_first(ledger: Ledger, plan: Plan) -> None:
    exports = [plan(name) for name in ("b", "a", "c")]
    ledger.save(replace(exports[0], job=ExportJob(phase=Phase.RUNNING)))
    assert [export.source for export in ledger.unfinished()] == ["b", "a", "c"]


def test_forgotten_export_is_gone_with_its_deliveries(ledger: Ledger, plan: Plan) -> None:
    export = plan()
    ledger.expect(export.id, ["nas"])
    ledger.forget(export)
    assert list(ledger.unfinished()) == []
    assert list(ledger.deliveries(export.id)) == []


def test_number_of_a_forgotten_export_is_never_used_again(ledger: Ledger, plan: Plan) -> None:
    first = plan()
    ledger.forget(first)
    assert plan().id > first.id


def test_everything_is_there_after_reopening(
    path: Path, ledger: Ledger, run: int, plan: Plan, now: datetime
) -> None:
    export = plan()
    ledger.end_run(run, now, 3)
    ledger.close()
    reopened = Ledger(path)
    assert (reopened.run(run).exit_code, list(reopened.unfinished())) == (3, [export])
    assert reopened.set_aside is None
    reopened.close()


def test_archive_has_no_name_before_it_is_on_offer(plan: Plan, now: datetime) -> None:
    for job in (ExportJob(), ExportJob(submitted_at=now), ExportJob(offer=Offer("x", 1, 1))):
        export = replace(plan(), job=job)
        assert (export.archive_id, export.archive_key) == (None, None)


@pytest.mark.parametrize(("server_job", "last"), [("77", "77"), ("", "e1"), ("../7", "7")])
def test_archive_is_named_after_time_source_and_job(
    server_job: str, last: str, plan: Plan, now: datetime
) -> None:
    job = ExportJob(submitted_at=now, offer=Offer("x", 1, 1, suffix=".csv"), server_job=server_job)
    export = replace(plan("chem"), job=job)
    assert export.archive_id == f"20260102T030405Z-chem-{last}"
    assert export.archive_key == f"chem/2026/20260102T030405Z-chem-{last}.csv"
