"""One run at a time; what signals and time limits do to it; and how the next one goes on."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from tests.speed import first_quick

from labferry.testing.rspace import Fault, JobTiming, Options, SimulatedRSpace, Stall

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Source, WaitFor
    from tests.lab import Lab


def _has_polled(server: SimulatedRSpace) -> bool:
    return any(request.kind == "poll" for request in server.requests)


def _is_downloading(server: SimulatedRSpace) -> bool:
    return any(request.kind == "download" for request in server.requests)


@pytest.mark.parametrize(
    ("number", "code"), first_quick([(signal.SIGINT, 130), (signal.SIGTERM, 143)])
)
def test_a_signal_ends_a_wait_and_the_next_run_goes_on(
    lab: Lab,
    serve: Serve,
    source: Source,
    wait_for: WaitFor,
    *,
    number: signal.Signals,
    code: int,
) -> None:
    server = serve(Options(timing=JobTiming(run=3)))
    lab.write({"lab": source(server, poll_interval="500ms")})
    process = lab.start("sync", "--json")
    wait_for(lambda: _has_polled(server))

    done = lab.end(process, number)

    assert done.code == code
    assert done.seconds < 2
    (export,) = done.document["exports"]
    assert (export["outcome"], export["receipts"]) == ("pending", [])
    assert done.messages[0] == "labferry: Stopping. Send the signal again to end at once."
    assert f"Run 1 ended with exit code {code} (stopped by " in done.messages[1]
    assert "Run again to go on" in done.messages[2]
    assert len(done.messages) == 3
    assert lab.files() == []
    assert lab.run("sync").code == 0
    assert len(server.exports) == 1
    assert len(lab.archives()) == 1


def test_a_signal_ends_a_download_that_stands_still(
    lab: Lab, server: SimulatedRSpace, source: Source, wait_for: WaitFor
) -> None:
    server.faults.add(Fault("download", Stall(after_bytes=1000)))
    lab.write({"lab": source(server)})
    process = lab.start("sync")
    wait_for(lambda: _is_downloading(server))

    done = lab.end(process, signal.SIGTERM)

    assert done.code == 143
    assert done.seconds < 5
    assert lab.files() == []
    assert lab.run("sync").code == 0
    assert len(server.exports) == len(lab.archives()) == 1


def test_a_second_signal_ends_everything_at_once(
    lab: Lab, server: SimulatedRSpace, source: Source, wait_for: WaitFor
) -> None:
    server.faults.add(Fault("download", Stall(after_bytes=1000)))
    lab.write({"lab": source(server)})
    process = lab.start("sync")
    wait_for(lambda: _is_downloading(server))
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "again to end at once" in process.stderr.readline()

    done = lab.end(process, signal.SIGINT)

    assert done.code == 130
    assert done.seconds < 1
    assert lab.run("sync").code == 0
    assert len(server.exports) == len(lab.archives()) == 1


def test_several_exports_that_are_stopped_are_one_message(
    lab: Lab, serve: Serve, source: Source, wait_for: WaitFor
) -> None:
    server = serve(Options(timing=JobTiming(run=60)))
    lab.write({"alice": source(server), "bob": source(server, "BOB_KEY")})
    process = lab.start("sync")
    wait_for(lambda: len(server.exports) == 2)

    done = lab.end(process, signal.SIGINT)

    assert done.code == 130
    assert done.err.count("Stopped") == 1


def test_a_second_run_is_refused_at_once_and_told_who_holds_the_lock(
    lab: Lab, serve: Serve, source: Source, wait_for: WaitFor
) -> None:
    server = serve(Options(timing=JobTiming(run=60)))
    lab.write({"lab": source(server)})
    process = lab.start("sync")
    wait_for(lambda: _has_polled(server))

    second, checked = lab.run("sync", "--json"), lab.run("check", "-v")

    assert second.code == 11
    (problem,) = second.document["problems"]
    assert f"process {process.pid} on " in problem["message"]
    assert second.messages == [f"labferry: {problem['message']} {problem['hint']}"]
    assert checked.code == 0
    assert f"process {process.pid} on " in checked.out
    assert len(server.exports) == 1


def test_the_lock_of_a_killed_run_is_free(
    lab: Lab, serve: Serve, source: Source, wait_for: WaitFor
) -> None:
    server = serve(Options(timing=JobTiming(run=1)))
    lab.write({"lab": source(server)})
    process = lab.start("sync")
    wait_for(lambda: _has_polled(server))
    process.kill()
    process.wait()

    assert lab.run("sync").code == 0
    assert len(server.exports) == len(lab.archives()) == 1


def test_an_export_that_takes_longer_than_a_run_may(lab: Lab, serve: Serve, source: Source) -> None:
    server = serve(Options(timing=JobTiming(run=2.5)))
    lab.write({"lab": source(server)}, max_wait="500ms")

    first = lab.run("sync")
    lab.write({"lab": source(server)})
    second = lab.run("sync")

    assert (first.code, second.code) == (75, 0)
    _, message = first.messages
    assert "max_wait" in message
    assert "The next run continues" in message
    assert len(server.exports) == len(lab.archives()) == 1
