"""What a run leaves behind for whoever asks later: outcomes and reasons, kept for good."""

from __future__ import annotations

import re
import signal
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from labferry.ledger import Ledger
from labferry.sdk import ExportReport, Outcome, RunReport
from labferry.testing.rspace import Fault, JobEnds, JobTiming
from labferry.testing.rspace import Outcome as JobOutcome

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Source
    from tests.lab import Lab

    from labferry.testing.rspace import SimulatedRSpace


def test_every_run_and_every_reason_is_there_later(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)}, ("nas", "offsite"))
    assert lab.run("sync").code == 0
    server.faults.add(Fault("job", JobEnds(JobOutcome.FAILED)))
    assert lab.run("sync").code == 1
    lab.destination("offsite").rename(lab.folder / "away")
    assert lab.run("sync").code == 3
    (lab.folder / "away").rename(lab.destination("offsite"))
    assert lab.run("sync").code == 0, "the reasons stay although all is well again"

    done = lab.run("history")

    assert done.code == 0, done.err
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "NIGHT", done.out)
    heads = [line for line in text.splitlines() if line.startswith("NIGHT")]
    assert [re.split(r"  +", head)[1:3] for head in heads] == [
        ["run 1", "ok"],
        ["run 2", "failed (exit code 1)"],
        ["run 3", "partial (exit code 3)"],
        ["run 4", "ok"],
    ]
    assert "  1 stored\n" in text
    assert "  lab: work of alice: failed\n    The server ended the export" in text
    assert re.search(r"  lab: work of alice: failed, at nas, .* kB\n    offsite: ", text), text

    runs = lab.run("history", "--json").document["runs"]
    assert [run["exit_code"] for run in runs] == [0, 1, 3, 0]
    (export,) = runs[2]["exports"]
    outcomes = {each["destination"]: each["outcome"] for each in export["deliveries"]}
    assert outcomes == {"nas": "stored", "offsite": "failed"}


def test_a_server_that_is_nowhere_and_a_key_that_is_refused_are_remembered(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source("http://127.0.0.1:9")}, retry_for="10ms")
    assert lab.run("sync").code == 1
    lab.environment["ALICE_KEY"] = "wrongWrongWrong01"
    lab.write({"lab": source(server)})
    assert lab.run("sync").code == 5

    first, second = lab.run("history", "--json").document["runs"]

    assert any("127.0.0.1:9" in each for each in first["problems"]), first
    assert any("lab" in each for each in second["problems"]), second
    assert second["exit_code"] == 5
    assert lab.run("history", "lab", "--json").document["runs"] == [first, second]
    unknown = lab.run("history", "other")
    assert (unknown.code, unknown.out) == (2, "")
    assert "There is no source 'other'" in unknown.err


def test_after_a_failed_attempt_the_status_is_not_ok_until_one_succeeds(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)})
    assert lab.run("sync").code == 0
    good = lab.environment["ALICE_KEY"]
    lab.environment["ALICE_KEY"] = "wrongWrongWrong01"
    assert lab.run("sync").code == 5

    (row,) = lab.run("status", "--json").document["standings"]
    checked = lab.run("status", "--max-age", "1d")

    assert row["problem"].startswith("lab: "), row
    assert checked.code == 1
    assert checked.out.startswith("LABFERRY WARNING: 0 of 1 fresh; lab at nas: ")
    lab.environment["ALICE_KEY"] = good
    assert lab.run("sync").code == 0
    (row,) = lab.run("status", "--json").document["standings"]
    assert row["problem"] == ""


def test_sources_and_times_choose(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    lab.write({"lab": source(server), "other": source(server, scope="selection", selections=[202])})
    assert lab.run("sync").code == 0
    assert lab.run("sync", "lab").code == 0

    all_runs = lab.run("history", "--json").document["runs"]
    others = lab.run("history", "other", "--json").document["runs"]
    none = lab.run("history", "--since", "2099-01-01")

    assert [len(run["exports"]) for run in all_runs] == [2, 1]
    assert [[each["source"] for each in run["exports"]] for run in others] == [["other"]]
    assert none.out == "There is no run to show.\n"
    assert "lab: work of alice: stored, at nas" in lab.run("history", "-v").out


def test_ten_thousand_runs_take_bounded_memory_and_few_questions(tmp_path: Path) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    export = ExportReport("lab", "user", "all", Outcome.FAILED, 1, None, None, (), ("Why.",))
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        with ledger.together():
            for number in range(10_000):
                run = ledger.begin_run(began + timedelta(hours=number))
                ended = began + timedelta(hours=number, minutes=1)
                ledger.outcomes.note(RunReport(run, began, ended, 1, (export,), ()))
                ledger.end_run(run, ended, 1)
        questions: list[str] = []
        ledger._store.connection.set_trace_callback(questions.append)
        found = ledger.outcomes.runs()
        assert next(found).exports[0].reason == "Why."
        assert len(questions) == 3
        assert sum(1 for _ in found) == 9_999
        assert len(questions) <= 45


def test_a_killed_run_shows_what_no_later_run_took_over(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    server.options.timing = JobTiming(queue=0.0, run=60.0)
    lab.write({"lab": source(server)})
    process = lab.start("sync", "-v")
    while not server.exports:
        time.sleep(0.01)
    lab.end(process, signal.SIGKILL)

    (run,) = lab.run("history", "--json").document["runs"]

    assert run["exit_code"] is None
    assert [(each["title"], each["outcome"]) for each in run["exports"]] == [
        ("work of alice", "pending")
    ]
