"""What a run has to do: what earlier runs left comes first, and nothing is asked for twice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from labferry.ledger import Delivery, DeliveryState, Export
from labferry.lifecycle import ExportJob, Phase
from labferry.sdk import ExportFailedError, ExportRequest, LabferryError, PluginError, RefusedError
from labferry.sync.context import RunContext
from labferry.sync.export_task import ExportTask
from labferry.sync.planning import Planner, unfinished_exports

Left = Callable[..., Export]
Notebook = Any  # the source of conftest.py, which answers what it is told

AT_THE_SERVER = [Phase.SUBMITTING, Phase.UNCERTAIN, Phase.RUNNING, Phase.COMPLETED]
INTERRUPTED = [None, 75, 130, 143]
ENDED = [0, 1, 3, 4, 5]


@dataclass
class Plan:
    work: list[ExportTask]
    problems: list[LabferryError]


def make_plan(context: RunContext, sources: Mapping[str, Notebook]) -> Plan:
    unfinished = unfinished_exports(context, sources)
    planners = [
        Planner(context, source, unfinished[name], deliver=lambda _: None, export=lambda _: None)
        for name, source in sources.items()
    ]
    for planner in planners:
        planner.run()
    return Plan(
        [
            *(task for planner in planners for task in planner.carried),
            *(task for planner in planners for task in planner.new),
        ],
        [problem for planner in planners for problem in planner.problems],
    )


def series(plan: Plan) -> list[str]:
    return [work.export.request.series for work in plan.work]


def in_ledger(context: RunContext, export: Export) -> Export | None:
    known = {each.id: each for each in context.ledger.unfinished()}
    return known.get(export.id)


def wanted(*names: str, lane: str | None = None) -> list[ExportRequest]:
    return [ExportRequest(name, name.title(), {"series": name}, lane) for name in names]


def test_everything_that_is_wanted_is_planned_in_order(context: RunContext, chem: Notebook) -> None:
    chem.wanted = wanted("b", "a", "c")
    plan = make_plan(context, {"chem": chem})
    assert series(plan) == ["b", "a", "c"]
    assert [each.export.job for each in plan.work] == [ExportJob()] * 3
    assert [each.export for each in plan.work] == list(context.ledger.unfinished())
    assert plan.problems == []


def test_plan_of_many_is_forced_to_disk_once(context: RunContext, chem: Notebook) -> None:
    chem.wanted = wanted("a", "b", "c", "d", "e")
    statements: list[str] = []
    connection = context.ledger.copies._store.connection
    connection.set_trace_callback(statements.append)
    plan = make_plan(context, {"chem": chem})
    connection.set_trace_callback(None)
    assert len(plan.work) == 5
    written = [each for each in statements if not each.startswith("SELECT")]
    assert (written[0], written[-1]) == ("BEGIN IMMEDIATE", "COMMIT")
    assert {each.split()[0] for each in written[1:-1]} == {"INSERT"}


def test_nobody_waits_for_the_ledger_while_a_server_is_asked(
    context: RunContext, chem: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = context.ledger.copies._store.connection
    under_way = []

    def plan(lanes: object) -> list[ExportRequest]:
        del lanes
        under_way.append(connection.in_transaction)
        return wanted("a")

    monkeypatch.setattr(chem, "plan", plan)
    assert make_plan(context, {"chem": chem}).work
    assert under_way == [False]


def test_request_may_take_any_lane(context: RunContext, chem: Notebook) -> None:
    chem.usable = ["alice@eln", "bob@eln"]
    (work,) = make_plan(context, {"chem": chem}).work
    assert work.lanes == {"alice@eln", "bob@eln"}


def test_request_for_one_lane_takes_no_other(context: RunContext, chem: Notebook) -> None:
    chem.usable, chem.wanted = ["alice@eln", "bob@eln"], wanted("a", lane="bob@eln")
    (work,) = make_plan(context, {"chem": chem}).work
    assert work.lanes == {"bob@eln"}
    assert work.export.lane == "bob@eln"


def test_nothing_to_export_is_a_problem(context: RunContext, chem: Notebook) -> None:
    chem.wanted = []
    plan = make_plan(context, {"chem": chem})
    (problem,) = plan.problems
    assert isinstance(problem, ExportFailedError)
    assert problem.message == "chem: There is nothing to export."
    assert plan.work == []


@pytest.mark.parametrize("phase", AT_THE_SERVER)
@pytest.mark.parametrize("exit_code", [None, 1])
def test_job_at_the_server_is_carried_on_and_not_asked_for_again(
    phase: Phase,
    exit_code: int | None,
    context: RunContext,
    chem: Notebook,
    left: Left,
) -> None:
    export = left(chem, ExportJob(phase=phase, server_job="7"), exit_code=exit_code)
    (work,) = make_plan(context, {"chem": chem}).work
    assert (work.export.id, work.export.job.server_job) == (export.id, "7")
    assert work.lanes == {"alice@eln"}
    assert work.export.run == context.run
    assert in_ledger(context, export) == work.export


def test_job_is_carried_on_in_its_own_lane_only(
    context: RunContext,
    chem: Notebook,
    left: Left,
) -> None:
    chem.usable = ["alice@eln", "bob@eln"]
    left(chem, ExportJob(phase=Phase.RUNNING), lane="bob@eln")
    (work,) = make_plan(context, {"chem": chem}).work
    assert work.lanes == {"bob@eln"}


def test_other_series_are_planned_beside_one_that_is_carried_on(
    context: RunContext,
    chem: Notebook,
    left: Left,
) -> None:
    chem.wanted = wanted("a", "b", "c")
    left(chem, ExportJob(phase=Phase.RUNNING), series="b")
    assert series(make_plan(context, {"chem": chem})) == ["b", "a", "c"]


def test_job_that_nobody_wants_any_more_is_brought_to_its_end(
    context: RunContext,
    chem: Notebook,
    left: Left,
) -> None:
    left(chem, ExportJob(phase=Phase.RUNNING), series="old")
    assert series(make_plan(context, {"chem": chem})) == ["old", "group 23"]


def test_export_of_which_the_server_never_heard_is_carried_on_if_wanted(
    context: RunContext,
    chem: Notebook,
    left: Left,
) -> None:
    export = left(chem, ExportJob(renewals=1))
    chem.usable = ["bob@eln", "carol@eln"]
    (work,) = make_plan(context, {"chem": chem}).work
    assert (work.export.id, work.export.job.renewals) == (export.id, 1)
    assert work.lanes == {"bob@eln", "carol@eln"}


def test_export_of_which_the_server_never_heard_is_forgotten_if_not_wanted(
    context: RunContext,
    chem: Notebook,
    left: Left,
) -> None:
    export = left(chem, ExportJob(), series="old")
    assert series(make_plan(context, {"chem": chem})) == ["group 23"]
    assert in_ledger(context, export) is None


def test_export_whose_lane_is_gone_is_given_up_and_asked_for_anew(
    context: RunContext,
    chem: Notebook,
    left: Left,
    caplog: pytest.LogCaptureFixture,
) -> None:
    export = left(chem, ExportJob(phase=Phase.RUNNING), lane="gone@eln")
    (work,) = make_plan(context, {"chem": chem}).work
    assert work.export.id != export.id
    assert in_ledger(context, export) is None
    assert "No key of gone@eln is configured any more." in caplog.text


def test_verified_archive_needs_no_lane(
    context: RunContext,
    chem: Notebook,
    left: Left,
) -> None:
    export = left(chem, ExportJob(phase=Phase.VERIFIED), lane="gone@eln")
    (work,) = make_plan(context, {"chem": chem}).work
    assert (work.export.id, work.export.job.phase) == (export.id, Phase.VERIFIED)


@pytest.mark.parametrize("exit_code", INTERRUPTED)
def test_verified_archive_of_an_interrupted_run_is_what_this_run_is_for(
    exit_code: int | None,
    context: RunContext,
    chem: Notebook,
    left: Left,
) -> None:
    export = left(chem, ExportJob(phase=Phase.VERIFIED), exit_code=exit_code)
    (work,) = make_plan(context, {"chem": chem}).work
    assert (work.export.id, work.export.run) == (export.id, context.run)


@pytest.mark.parametrize("exit_code", ENDED)
def test_verified_archive_that_waits_for_a_destination_does_not_replace_a_new_export(
    exit_code: int,
    context: RunContext,
    chem: Notebook,
    left: Left,
) -> None:
    export = left(chem, ExportJob(phase=Phase.VERIFIED), exit_code=exit_code)
    waiting, new = make_plan(context, {"chem": chem}).work
    assert (waiting.export.id, waiting.export.run) == (export.id, export.run)
    assert new.export.job.phase is Phase.PLANNED


def test_export_of_a_source_that_was_removed_is_given_up(
    context: RunContext,
    chem: Notebook,
    left: Left,
    caplog: pytest.LogCaptureFixture,
) -> None:
    removed = type(chem)("removed", chem.settings)
    export = left(removed, ExportJob(phase=Phase.RUNNING))
    make_plan(context, {"chem": chem})
    assert in_ledger(context, export) is None
    assert "removed: Group 23 is given up: Its source is no longer configured." in caplog.text


def test_export_of_a_source_that_this_run_leaves_out_is_left_alone(
    context: RunContext,
    chem: Notebook,
    bio: Notebook,
    left: Left,
) -> None:
    export = left(bio, ExportJob(phase=Phase.RUNNING))
    assert series(make_plan(context, {"chem": chem})) == ["group 23"]
    assert in_ledger(context, export) == export


def test_same_series_of_two_sources_are_two_exports(
    context: RunContext,
    chem: Notebook,
    bio: Notebook,
    left: Left,
) -> None:
    left(bio, ExportJob(phase=Phase.RUNNING))
    plan = make_plan(context, {"chem": chem, "bio": bio})
    assert [work.source.name for work in plan.work] == ["bio", "chem"]


def test_source_that_cannot_plan_does_not_keep_the_others_from_it(
    context: RunContext,
    chem: Notebook,
    bio: Notebook,
) -> None:
    chem.usable = RefusedError("The key is not accepted.")
    plan = make_plan(context, {"chem": chem, "bio": bio})
    assert [work.source.name for work in plan.work] == ["bio"]
    (problem,) = plan.problems
    assert (problem.exit_code, problem.message) == (5, "chem: The key is not accepted.")


def test_source_that_cannot_plan_still_delivers_what_is_verified(
    context: RunContext,
    chem: Notebook,
    left: Left,
) -> None:
    chem.usable = RefusedError("The key is not accepted.")
    verified = left(chem, ExportJob(phase=Phase.VERIFIED), series="a")
    running = left(chem, ExportJob(phase=Phase.RUNNING), series="b")
    (work,) = make_plan(context, {"chem": chem}).work
    assert (work.export.id, work.lanes) == (verified.id, frozenset())
    assert in_ledger(context, running) == running


def test_source_with_a_bug_is_a_problem_of_its_plugin(context: RunContext, chem: Notebook) -> None:
    chem.usable = ZeroDivisionError("division by zero")
    (problem,) = make_plan(context, {"chem": chem}).problems
    assert isinstance(problem, PluginError)
    assert problem.message.startswith("chem: Its source failed unexpectedly: ZeroDivi")


def test_edit_during_a_long_export_is_no_idleness(
    context: RunContext, chem: Notebook, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = datetime(2026, 1, 2, 3, tzinfo=UTC)
    job = ExportJob(
        phase=Phase.DONE, submitted_at=submitted, verified_at=submitted + timedelta(hours=9)
    )
    export = left(chem, job, exit_code=0)
    context.ledger.expect(export.id, ["nas", "offsite"])
    for name in ("nas", "offsite"):
        context.ledger.save_delivery(Delivery(export.id, name, DeliveryState.STORED))
    asked: list[datetime] = []

    def is_idle(request: ExportRequest, since: datetime, lane: str) -> bool:
        del request, lane
        asked.append(since)
        return False

    monkeypatch.setattr(chem, "is_idle", is_idle)
    monkeypatch.setattr(chem, "settings", chem.settings.model_copy(update={"skip_idle": True}))
    assert make_plan(context, {"chem": chem}).work
    assert asked == [submitted]
