"""How runs go on where others stopped, seen in the server's own log of requests."""

import signal
import time

import pytest
from tests.speed import first_quick

from labferry.testing.rspace import (
    Answer,
    BigArchive,
    ChangedETag,
    Fault,
    IgnoreRange,
    JobEnds,
    JobTiming,
    Options,
    Outcome,
    RecordedRequest,
    Reset,
    Restart,
    Slow,
    Stall,
    Truncate,
    WrongContentRange,
    html_answer,
    json_answer,
)

from .checks import check_archives, check_settled, check_told
from .conftest import OpenLab
from .harness import IN_THE_DOWNLOAD, SIZE, Lab

pytestmark = pytest.mark.slow


def _kinds(lab: Lab, kind: str) -> list[RecordedRequest]:
    return [request for request in lab.server.requests if request.kind == kind]


def test_max_wait_ends_the_run_and_the_next_one_goes_on(open_lab: OpenLab) -> None:
    lab = open_lab(top='max_wait = "100ms"')
    lab.server.options.timing.run = 0.6
    waiting = lab.sync()
    assert waiting.code == 75, waiting.stderr
    check_told(waiting)
    assert "max_wait" in waiting.stderr
    time.sleep(0.6)
    check_settled(lab, lab.sync(), orphans=0)
    assert len(lab.server.exports) == 1


def test_even_the_shortest_max_wait_comes_to_an_end_some_day(open_lab: OpenLab) -> None:
    lab = open_lab(top='max_wait = "1ms"')
    codes: list[int] = []
    while not codes or (codes[-1] == 75 and len(codes) < 20):
        codes.append(lab.sync().code)
        time.sleep(0.03)
    assert codes[-1] == 0
    assert len(lab.server.exports) == 1


def test_a_second_run_says_who_is_at_work(open_lab: OpenLab) -> None:
    lab = open_lab()
    lab.server.options.timing.run = 30
    with lab.start() as first:
        while not _kinds(lab, "submit"):
            time.sleep(0.02)
        second = lab.sync()
        first.kill()
        first.communicate()
    assert second.code == 11
    assert f"process {first.pid} on " in second.stderr
    lab.server.options.timing.run = 0


def test_the_lock_of_a_dead_process_holds_nobody_up(open_lab: OpenLab) -> None:
    lab = open_lab()
    assert lab.sync(at=IN_THE_DOWNLOAD).was_killed
    (lab.state / "lock").touch()
    (lab.state / "holder.json").write_text('{"pid": 1, "host": "elsewhere", "since": "long ago"}')
    check_settled(lab, lab.sync())
    assert not (lab.state / "holder.json").exists()


def _partly_downloaded(open_lab: OpenLab, *, presigned: bool = True) -> Lab:
    lab = open_lab()
    lab.server.options.presigned = presigned
    assert lab.sync(at=IN_THE_DOWNLOAD).was_killed
    assert 0 < _in_the_spool(lab) < SIZE
    return lab


def _in_the_spool(lab: Lab) -> int:
    return next(lab.spool.iterdir()).stat().st_size


def test_a_partial_download_is_resumed_where_the_server_can(open_lab: OpenLab) -> None:
    lab = _partly_downloaded(open_lab)
    here = _in_the_spool(lab)
    check_settled(lab, lab.sync(), orphans=0)
    first, second = _kinds(lab, "download")
    assert "range" not in first.headers
    assert second.headers["range"] == f"bytes={here}-"
    assert second.headers["if-range"].startswith('"')
    assert second.status == 206
    assert len(lab.server.exports) == 1


def test_a_partial_download_begins_anew_where_the_server_can_not(open_lab: OpenLab) -> None:
    lab = _partly_downloaded(open_lab, presigned=False)
    check_settled(lab, lab.sync(), orphans=0)
    assert ["range" in r.headers for r in _kinds(lab, "download")] == [False, False]


@pytest.mark.parametrize("act", [IgnoreRange(), ChangedETag(), WrongContentRange()])
def test_a_range_that_is_answered_with_something_else(
    open_lab: OpenLab, act: IgnoreRange | ChangedETag | WrongContentRange
) -> None:
    lab = _partly_downloaded(open_lab)
    lab.server.faults.add(Fault("download", act))
    check_settled(lab, lab.sync(), orphans=0)
    assert lab.server.faults.unfired() == []
    assert len(lab.server.exports) == 1


def test_a_connection_that_breaks_again_and_again_still_gets_there(open_lab: OpenLab) -> None:
    lab = open_lab()
    lab.server.options.presigned = True
    for nth in range(1, 20):
        lab.server.faults.add(Fault("download", Truncate(9_000, reset=True), nth=nth))
    check_settled(lab, lab.sync(), orphans=0)
    ranges = [request.headers.get("range") for request in _kinds(lab, "download")]
    assert len(set(ranges)) == len(ranges)
    assert len(ranges) == 20


def test_only_the_destination_without_a_receipt_is_delivered_to(open_lab: OpenLab) -> None:
    lab = open_lab()
    usb = lab.targets["usb"].folder
    usb.rename(usb.with_name("unplugged"))
    partial = lab.sync()
    assert partial.code == 3
    check_told(partial)
    assert "usb" in partial.stderr
    before = {path: path.stat() for path in lab.targets["nas"].folder.rglob("*.zip")}
    usb.with_name("unplugged").rename(usb)
    again = lab.sync()
    # The run before came to its end, so this one owes an export of its own as well.
    assert check_settled(lab, again, orphans=0) == 4
    assert len(_kinds(lab, "download")) == 2
    assert [path.stat().st_mtime_ns for path in before] == [s.st_mtime_ns for s in before.values()]


def test_a_new_export_is_still_due_when_the_run_that_owed_it_was_killed(open_lab: OpenLab) -> None:
    lab = open_lab()
    usb = lab.targets["usb"].folder
    usb.rename(usb.with_name("unplugged"))
    assert lab.sync().code == 3
    usb.with_name("unplugged").rename(usb)
    killed = lab.sync(at=("planning alice", 2))
    assert killed.was_killed
    assert len(lab.server.exports) == 1
    assert check_settled(lab, lab.sync(), orphans=0) == 4


def test_a_job_that_a_restart_of_the_server_left_for_ever(open_lab: OpenLab) -> None:
    lab = open_lab(settings='job_timeout = "400ms"')
    lab.server.faults.add(Fault("poll", Restart()))
    lab.server.options.timing.run = 0.2
    wedged = lab.sync()
    assert wedged.code == 1
    check_told(wedged)
    assert "job_timeout" in wedged.stderr
    assert "administrator" in wedged.stderr
    refused = lab.sync()
    assert refused.code == 1
    check_told(refused)
    assert "administrator" in refused.stderr
    lab.server.release("alice")
    check_settled(lab, lab.sync())


def test_a_slot_that_is_never_free_is_given_up_even_by_short_runs(open_lab: OpenLab) -> None:
    lab = open_lab(settings='job_timeout = "500ms"', top='max_wait = "50ms"')
    lab.server.options.timing.run = 30
    assert lab.sync().code == 75
    (lab.state / "ledger.db").unlink()
    outcome = lab.sync()
    for _ in range(50):
        outcome = lab.sync() if outcome.code == 75 else outcome
    assert outcome.code == 1
    assert "administrator" in outcome.stderr


def test_an_expired_archive_leads_to_one_new_export(open_lab: OpenLab) -> None:
    lab = _partly_downloaded(open_lab, presigned=False)
    lab.server.expire(lab.server.exports[0].file)
    check_settled(lab, lab.sync(), orphans=1)
    assert len(lab.server.exports) == 2


def test_archives_that_always_expire_do_not_lead_to_a_loop(open_lab: OpenLab) -> None:
    lab = open_lab()
    gone = json_answer(500, 50001, "File not found")
    lab.server.faults.add(Fault("download", gone, times=None))
    outcome = lab.sync()
    assert outcome.code == 1
    check_told(outcome)
    assert "no longer has the archive" in outcome.stderr
    assert len(lab.server.exports) == 2
    assert check_archives(lab) == 0


def test_a_job_that_answers_500_for_ever_is_a_failed_export(open_lab: OpenLab) -> None:
    lab = open_lab()
    lab.server.faults.add(Fault("job", JobEnds(Outcome.UNREADABLE)))
    outcome = lab.sync()
    assert outcome.code == 1
    check_told(outcome)
    assert "an export that failed" in outcome.stderr
    assert len(_kinds(lab, "poll")) < 20
    check_settled(lab, lab.sync())


def test_a_job_that_answers_500_for_ever_is_given_up_even_by_short_runs(open_lab: OpenLab) -> None:
    lab = open_lab(top='max_wait = "1ms"')
    lab.server.faults.add(Fault("job", JobEnds(Outcome.UNREADABLE), times=None))
    codes = [lab.sync().code for _ in range(12)]
    assert 1 in codes


@pytest.mark.parametrize(
    "act",
    first_quick(
        [
            Reset(after_effect=True),
            html_answer(502, after_effect=True),
            html_answer(504, after_effect=True),
        ]
    ),
)
def test_a_lost_answer_costs_at_most_one_export(open_lab: OpenLab, act: Reset | Answer) -> None:
    lab = open_lab()
    lab.server.options.timing.run = 1.5  # longer than a busy machine takes to ask again
    lab.server.faults.add(Fault("submit", act))
    outcome = lab.sync()
    check_settled(lab, outcome, orphans=1)
    assert len(lab.server.exports) == 2
    statuses = [request.status for request in _kinds(lab, "submit")]
    assert statuses.count(429) > 0, "it asked again only when the slot was free"
    assert statuses[-1] == 202
    assert "may have begun" in outcome.stderr
    assert "another export of the same user" in outcome.stderr


@pytest.mark.parametrize("days", [-3650, -1, 1, 3650])
def test_the_clock_jumps_between_two_runs(open_lab: OpenLab, days: int) -> None:
    lab = open_lab(settings='job_timeout = "10d"')
    assert lab.sync(at=IN_THE_DOWNLOAD, clock=0).was_killed
    outcome = lab.sync(clock=days)
    if outcome.code:
        # The clock says that the job has been running for ten years.
        assert days > 10
        assert "job_timeout" in outcome.stderr
        outcome = lab.sync(clock=days)
    check_settled(lab, outcome, orphans=2)


@pytest.mark.parametrize("number", first_quick([signal.SIGTERM, signal.SIGINT]))
@pytest.mark.parametrize("where", first_quick(["download", "delivery", "planning", "poll"]))
def test_a_signal_ends_a_run_within_seconds(
    open_lab: OpenLab, number: signal.Signals, where: str
) -> None:
    lab = _large(open_lab, where)
    with lab.start() as run:
        _wait_for(lab, where)
        began = time.monotonic()
        run.send_signal(number)
        _, stderr = run.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert run.returncode == 128 + number, stderr
    assert "Traceback" not in stderr
    lab.server.faults.clear()
    lab.targets["nas"].make()
    check_settled(lab, lab.sync(), orphans=0)


def test_a_second_signal_ends_a_run_at_once(open_lab: OpenLab) -> None:
    lab = _large(open_lab, "planning")
    with lab.start() as run:
        _wait_for(lab, "planning")
        run.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        began = time.monotonic()
        run.send_signal(signal.SIGTERM)
        _, stderr = run.communicate(timeout=30)
    assert time.monotonic() - began < 1
    assert run.returncode == 143
    assert "Traceback" not in stderr
    lab.server.faults.clear()
    check_settled(lab, lab.sync(), orphans=0)


def _large(open_lab: OpenLab, where: str) -> Lab:
    """A laboratory in which a run takes long, and where."""
    size = SIZE if where in {"planning", "poll"} else 64 << 20
    lab = open_lab(Options(archives=[BigArchive(size)], timing=JobTiming(queue=0, run=0.02)))
    if where == "download":
        lab.server.faults.add(Fault("download", Slow(8 << 20)))
    if where == "planning":
        lab.server.faults.add(Fault("whoami", Stall()))
    if where == "poll":
        lab.server.faults.add(Fault("poll", Stall()))
    return lab


def _wait_for(lab: Lab, where: str) -> None:
    """Return when a run is in the middle of that."""
    kind = {"planning": "whoami", "poll": "poll"}.get(where, "download")
    limit = time.monotonic() + 30
    while not _kinds(lab, kind) and time.monotonic() < limit:
        time.sleep(0.005)
    nas = lab.targets["nas"].folder
    while where == "delivery" and not [*nas.rglob(".*.labferry-part")]:
        time.sleep(0.005)
