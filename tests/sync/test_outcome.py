"""How a run went: tables of what happened and the exit codes it leads to."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from labferry.ledger import Delivery, DeliveryState
from labferry.lifecycle import ExportJob, Phase
from labferry.sdk import (
    Checked,
    ExportReport,
    IntegrityError,
    LabferryError,
    MissingCopy,
    NotFinishedError,
    Offer,
    Outcome,
    PluginError,
    Receipt,
    RefusedError,
    Secret,
    StoppedError,
    TransientError,
)
from labferry.sync.export_task import ExportTask
from labferry.sync.outcome import exit_code, report_export

MakeWork = Callable[..., ExportTask]

RECEIPT = Receipt("nas", "a-1", "a/a-1.zip", 7, Checked.READ_BACK)
STORED = Delivery(1, "nas", DeliveryState.STORED, receipt=RECEIPT)
FULL = Delivery(1, "nas", DeliveryState.FAILED, "The disk is full.", 1)
DAMAGED = Delivery(1, "nas", DeliveryState.FAILED, "Other bytes.", 4)
DENIED = Delivery(1, "offsite", DeliveryState.FAILED, "Access denied.", 5)
BOTH = ("nas", "offsite")


def report(code: int, *, stored: bool = False) -> ExportReport:
    receipts = (RECEIPT,) if stored else ()
    return ExportReport("chem", "s", "S", Outcome.FAILED, code, None, None, receipts, ())


@pytest.mark.parametrize(
    ("exports", "problems", "expected"),
    [
        ([], [], 0),
        ([0], [], 0),
        ([0, 0], [], 0),
        ([1], [], 1),
        ([5], [], 5),
        ([5, 5], [5], 5),
        ([5, 1], [], 1),
        ([4], [], 4),
        ([4, 5, 1, 75], [], 4),
        ([75], [], 75),
        ([75, 75], [], 75),
        ([75, 1], [], 1),
        ([75, 5], [], 5),
        ([], [5], 5),
        ([], [2], 1),
        ([75], [1], 1),
    ],
)
def test_exit_code_where_nothing_was_stored(
    exports: list[int], problems: list[int], expected: int
) -> None:
    assert exit_code([report(code) for code in exports], problems) == expected


@pytest.mark.parametrize(
    ("others", "problems", "expected"),
    [
        ([], [], 0),
        ([1], [], 3),
        ([5], [], 3),
        ([], [5], 3),
        ([4], [], 4),
        ([75], [], 75),
        ([75, 1], [], 3),
    ],
)
def test_exit_code_where_something_was_stored(
    others: list[int], problems: list[int], expected: int
) -> None:
    exports = [report(0, stored=True), *map(report, others)]
    assert exit_code(exports, problems) == expected


def test_export_stored_at_some_destinations_is_partial() -> None:
    assert exit_code([report(1, stored=True)], []) == 3


@pytest.mark.parametrize(
    ("phase", "deliveries", "problems", "code", "outcome"),
    [
        (Phase.DONE, [STORED], [], 0, Outcome.STORED),
        (Phase.DONE, [STORED, DENIED], [], 0, Outcome.STORED),
        (Phase.RUNNING, [], [NotFinishedError("Later.")], 75, Outcome.PENDING),
        (Phase.RUNNING, [], [StoppedError(15)], 75, Outcome.PENDING),
        (Phase.RUNNING, [], [], 75, Outcome.PENDING),
        (Phase.RUNNING, [], [TransientError("Refused.")], 1, Outcome.FAILED),
        (Phase.RUNNING, [], [RefusedError("No.")], 5, Outcome.FAILED),
        (Phase.RUNNING, [], [PluginError("A bug.")], 1, Outcome.FAILED),
        (Phase.VERIFIED, [], [], 75, Outcome.PENDING),
        (Phase.VERIFIED, [FULL], [], 1, Outcome.FAILED),
        (Phase.VERIFIED, [STORED, DENIED], [], 5, Outcome.FAILED),
        (Phase.VERIFIED, [DAMAGED, DENIED], [], 4, Outcome.FAILED),
        (Phase.VERIFIED, [FULL], [IntegrityError("Other bytes.")], 4, Outcome.FAILED),
    ],
)
def test_code_and_outcome_of_one_export(
    phase: Phase,
    deliveries: list[Delivery],
    problems: list[LabferryError],
    code: int,
    outcome: Outcome,
    work: MakeWork,
) -> None:
    done = work(job=ExportJob(phase=phase))
    done.problems.extend(problems)
    told = report_export(done, deliveries, BOTH, BOTH)
    assert (told.exit_code, told.outcome) == (code, outcome)


@pytest.mark.parametrize("code", [1, 4, 5])
def test_failed_job_has_its_own_code(code: int, work: MakeWork) -> None:
    job = ExportJob(phase=Phase.FAILED, reason="The server ended the export.", exit_code=code)
    told = report_export(work(job=job), [DAMAGED], BOTH, BOTH)
    assert (told.exit_code, told.outcome) == (code, Outcome.FAILED)
    assert told.problems == ("The server ended the export.", "nas: Other bytes.")


def test_failure_of_a_destination_that_is_not_required_is_told_but_not_the_runs(
    work: MakeWork,
) -> None:
    told = report_export(work(job=ExportJob(phase=Phase.VERIFIED)), [STORED, DENIED], ["nas"], BOTH)
    assert (told.exit_code, told.problems) == (75, ("offsite: Access denied.",))


def test_report_says_what_was_exported_and_where_it_is(work: MakeWork) -> None:
    job = ExportJob(phase=Phase.DONE, offer=Offer("x", 7, 1), server_job="9")
    told = report_export(work(job=job, series="group 5"), [STORED], BOTH, BOTH)
    assert (told.source, told.series, told.title) == ("chem", "group 5", "Group 5")
    assert (told.size, told.receipts, told.problems) == (7, (RECEIPT,), ())


def test_report_shows_no_secret(work: MakeWork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labferry.sdk.secrets._seen", set())
    secret = Secret.plain("s3cr3t").reveal()
    failed = work(job=ExportJob(phase=Phase.FAILED, reason=f"Not {secret}.", exit_code=5))
    failed.problems.append(RefusedError(f"Key {secret}"))
    told = report_export(failed, [replace(FULL, reason=f"At {secret}")], BOTH, BOTH)
    assert told.problems == ("Key ***", "Not ***.", "nas: At ***")


@pytest.mark.parametrize(
    ("phase", "deliveries", "missing"),
    [
        (Phase.VERIFIED, [STORED, DENIED], [("offsite", Outcome.FAILED, "Access denied.")]),
        (Phase.VERIFIED, [STORED], [("offsite", Outcome.PENDING, "")]),
        (
            Phase.VERIFIED,
            [],
            [("nas", Outcome.PENDING, ""), ("offsite", Outcome.PENDING, "")],
        ),
        (Phase.DONE, [STORED], [("offsite", Outcome.FAILED, "")]),
        (Phase.DONE, [STORED, replace(STORED, destination="offsite")], []),
        (Phase.RUNNING, [FULL], [("nas", Outcome.FAILED, "The disk is full.")]),
        (Phase.RUNNING, [], []),
        (Phase.UNCHANGED, [], []),
        (Phase.FAILED, [], []),
    ],
)
def test_destinations_that_lack_an_archive_are_named_once_there_is_one(
    phase: Phase,
    deliveries: list[Delivery],
    missing: list[tuple[str, Outcome, str]],
    work: MakeWork,
) -> None:
    told = report_export(work(job=ExportJob(phase=phase)), deliveries, BOTH, BOTH)
    assert told.missing == tuple(MissingCopy(*each) for each in missing)
    assert {*map(str, told.missing)} & {*told.problems} == {
        str(each) for each in told.missing if each.problem
    }
