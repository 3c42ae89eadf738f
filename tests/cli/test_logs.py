"""Everything on stderr looks alike: JSON lines, priorities for the journal, or text for people."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest

from labferry.testing.rspace import JobTiming, Options, SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Source, WaitFor
    from tests.lab import Done, Lab

AS_LINES = ("--log-format", "json")


def _lines(done: Done) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in done.messages]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    return lines


def _priorities(done: Done) -> list[str]:
    found = [re.match(r"<([3-7])>(?!labferry: )", line) for line in done.messages]
    assert all(found), done.err
    return [match[1] for match in found if match]


@pytest.fixture
def offsite_gone(lab: Lab, server: SimulatedRSpace, source: Source) -> Lab:
    """A laboratory with a good destination, and one whose folder is not there."""
    lab.write({"lab": source(server)}, ["nas", "offsite"])
    lab.destination("offsite").rmdir()
    return lab


def test_json_lines_say_what_they_are_about(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)})
    lines = _lines(lab.run("sync", "-v", *AS_LINES))
    (stored,) = [line for line in lines if "stored lab/" in line["message"]]
    assert (stored["run"], stored["source"], stored["destination"]) == ("1", "lab", "nas")
    assert stored["archive"] in stored["message"]
    assert any(line.get("source") == "lab" and "destination" not in line for line in lines)


def test_a_problem_in_the_end_is_a_json_line_that_says_what_it_is_about(offsite_gone: Lab) -> None:
    done = offsite_gone.run("sync", *AS_LINES)

    assert done.code == 3
    (problem,) = [line for line in _lines(done) if "There is no folder" in line["message"]]
    assert (problem["level"], problem["logger"]) == ("error", "labferry.cli")
    assert (problem["run"], problem["source"], problem["destination"]) == ("1", "lab", "offsite")
    assert problem["archive"].endswith("-lab-23")


def test_a_warning_in_the_end_is_one_in_json_and_in_the_journal(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)}, {"nas": {}, "usb": {"required": False}})
    lab.destination("nas").mkdir()

    (problem,) = [
        line for line in _lines(lab.run("sync", *AS_LINES)) if "no folder" in line["message"]
    ]
    journal = lab.run_in_journal("sync")

    assert (problem["level"], problem["destination"]) == ("warning", "usb")
    assert not problem["message"].startswith("warning")
    assert [line[:3] for line in journal.messages if "no folder" in line] == ["<4>"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["sync", "--nonsense", "--log-format=json"],
        ["nonsense", *AS_LINES],
        ["restore", "20", "--to", "x", "--before", "7d", *AS_LINES],
    ],
    ids=" ".join,
)
def test_a_usage_error_is_a_json_line(lab: Lab, arguments: list[str]) -> None:
    done = lab.run(*arguments)

    assert done.code == 2
    (line,) = _lines(done)
    assert line["level"] == "error"
    assert not line["message"].startswith("Usage")


def test_a_usage_error_has_its_priority_in_the_journal(lab: Lab) -> None:
    done = lab.run_in_journal("sync", "--nonsense")
    assert done.code == 2
    assert _priorities(done) == ["3"]
    assert "--nonsense" in done.err


def test_mistakes_in_the_configuration_are_one_json_line_or_lines_with_priorities(
    lab: Lab,
) -> None:
    lab.write({"lab": {"type": "rspace", "ulr": "https://x"}})

    (line,) = _lines(lab.run("sync", *AS_LINES))
    journal = lab.run_in_journal("sync")

    assert line["level"] == "error"
    assert line["message"].startswith("The configuration has 2 mistakes:\n")
    assert _priorities(journal) == ["3"] * 3


@pytest.mark.parametrize("verb", ["check", "list", "verify"])
def test_problems_of_other_verbs_look_like_that_too(offsite_gone: Lab, verb: str) -> None:
    lines = [line for line in _lines(offsite_gone.run(verb, *AS_LINES)) if "offsite" in str(line)]
    journal = offsite_gone.run_in_journal(verb)

    assert [line["level"] for line in lines] == ["error"]
    assert "3" in _priorities(journal)


def test_news_that_are_no_problem_are_told_as_such(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)})
    (line,) = _lines(lab.run("list", *AS_LINES))
    assert (line["level"], line["message"]) == ("info", "No archive is stored.")


def test_a_signal_is_answered_in_json(
    lab: Lab, serve: Serve, source: Source, wait_for: WaitFor
) -> None:
    server = serve(Options(timing=JobTiming(run=60)))
    lab.write({"lab": source(server)})
    process = lab.start("sync", *AS_LINES)
    wait_for(lambda: server.exports)

    lines = _lines(lab.end(process, signal.SIGTERM))

    assert lines[0]["message"] == "Stopping. Send the signal again to end at once."
    assert {line["level"] for line in lines} == {"info"}


def test_a_failure_is_found_in_the_journal_by_its_priority(offsite_gone: Lab) -> None:
    failed = offsite_gone.run_in_journal("sync", "-v")
    assert failed.code == 3
    assert {"3", "6"} <= {*_priorities(failed)}
    head, problem = [line for line in failed.messages if line.startswith("<3>")]
    assert head.startswith("<3>Run 1 ended with exit code 3 (partial: ")
    assert problem.startswith("<3>lab: work of alice: offsite: There is no folder ")


def test_the_journal_hears_when_a_good_run_begins_and_how_it_ends(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)}, ["nas", "offsite"])

    done = lab.run_in_journal("sync")

    assert (done.code, done.out) == (0, "")
    begun, total = done.messages
    assert begun == f"<6>Begins: lab to nas, offsite. Configuration: {lab.config}"
    assert re.fullmatch(r"<6>Exports: 1 stored \([\d.]+ kB\); it took [\d.]+ s\.", total)


def test_the_journal_hears_no_more_than_errors_where_that_is_asked_for(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)})
    assert lab.run_in_journal("sync", "-q").err == ""


def test_what_stdout_has_told_is_not_told_once_more(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)})
    done = lab.run_in_journal("sync", "-v")
    assert (done.out + done.err).count("Exports: 1 stored") == 1


def test_a_pending_export_is_no_error_in_the_journal(
    lab: Lab, serve: Serve, source: Source
) -> None:
    lab.write({"lab": source(serve(Options(timing=JobTiming(run=60))))}, max_wait="300ms")
    done = lab.run_in_journal("sync")
    assert done.code == 75
    assert {*_priorities(done)} == {"6"}
    assert "Run 1 ended with exit code 75 (the server is still exporting: run again)." in done.err
