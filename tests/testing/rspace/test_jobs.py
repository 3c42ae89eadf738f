"""GET /api/v1/jobs/{id}: the contract's section "Watch"."""

from datetime import datetime

import pytest

from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    SYSADMIN_KEY,
    Fault,
    JobEnds,
    JobTiming,
    Kind,
    Options,
    Outcome,
    Record,
    Restart,
    World,
    default_world,
)

from .caller import Caller, Clock, enclosure
from .conftest import Open

DAY = 86400.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(open_caller: Open, clock: Clock) -> Caller:
    timing = JobTiming(queue=10, run=100)
    return open_caller(Options(clock=clock, timing=timing))


def of_documents(count: int) -> World:
    world = World(users=default_world().users)
    world.add(*(Record(number, f"Document {number}", "alice") for number in range(1, count + 1)))
    return world


def test_the_life_of_a_job(timed: Caller, clock: Clock) -> None:
    job = timed.start()
    assert timed.poll(job) == {
        "id": job,
        "status": "STARTING",
        "percentComplete": -1.0,
        "result": None,
        "_links": [],
    }
    clock.now = 50
    running = timed.poll(job)
    assert (running["status"], running["result"], running["_links"]) == ("STARTED", None, [])
    assert 0 < running["percentComplete"] < 100
    clock.now = 109
    assert (timed.poll(job)["status"], timed.poll(job)["percentComplete"]) == ("STARTED", -1.0)
    clock.now = 110
    done = timed.poll(job)
    assert (done["status"], done["percentComplete"]) == ("COMPLETED", 100.0)
    assert [link["rel"] for link in done["_links"]] == ["enclosure"]
    export = timed.server.exports[0]
    assert done["result"]["size"] == export.size
    assert done["result"]["checksum"] == str(export.crc32)
    assert done["result"]["algorithm"] == "CRC32"


@pytest.mark.parametrize(
    ("documents", "first", "zipping"), [(1, 50.0, 100.0), (8, 11.11, 100.0), (20, 4.55, 90.91)]
)
def test_percentages(
    open_caller: Open, clock: Clock, documents: int, first: float, zipping: float
) -> None:
    options = Options(clock=clock, timing=JobTiming(queue=0, run=100))
    caller = open_caller(options, of_documents(documents))
    job = caller.start()
    assert caller.poll(job)["percentComplete"] == first
    clock.now = 90
    assert caller.poll(job)["percentComplete"] == zipping


def test_only_the_submitter_may_look(caller: Caller) -> None:
    job = caller.start()
    for key in (BOB_KEY, SYSADMIN_KEY):
        response = caller.get(f"/api/v1/jobs/{job}", key)
        assert (response.status_code, response.json()["internalCode"]) == (401, 40101)


def test_no_such_job_and_not_a_number(caller: Caller) -> None:
    response = caller.get("/api/v1/jobs/4711")
    assert (response.status_code, response.json()["internalCode"]) == (404, 50301)
    assert caller.get("/api/v1/jobs/abc").status_code == 400


def test_ids_are_sequential_whoever_submits(caller: Caller) -> None:
    assert [caller.start("xml/user", key) for key in (ALICE_KEY, BOB_KEY)] == [23, 24]


def test_trap_1_a_failed_export_reads_as_500_for_ever(caller: Caller) -> None:
    fault = caller.server.faults.add(Fault("job", JobEnds(Outcome.UNREADABLE)))
    job = caller.start()
    with pytest.raises(AssertionError):
        caller.finish(job)
    for _ in range(3):
        response = caller.get(f"/api/v1/jobs/{job}")
        assert (response.status_code, response.json()["internalCode"]) == (500, 50001)
        assert response.json()["message"].startswith("Value for key=[result] is not of type:")
    assert fault.fired == 1
    caller.export()


def test_more_than_the_limit_unpacked_fails(open_caller: Open) -> None:
    caller = open_caller(Options(max_unpacked=100))
    with pytest.raises(AssertionError, match="50001"):
        caller.export()


@pytest.mark.parametrize(
    "outcome", [Outcome.FAILED, Outcome.ABANDONED, Outcome.STOPPED, Outcome.UNKNOWN]
)
def test_other_ends(caller: Caller, outcome: Outcome) -> None:
    caller.server.faults.add(Fault("job", JobEnds(outcome)))
    shown = caller.export()
    assert (shown["status"], shown["percentComplete"], shown["_links"]) == (outcome.value, -1.0, [])
    assert (shown["result"] is None) == (outcome is not Outcome.FAILED)
    caller.export()


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.ABANDONED, Outcome.STOPPED])
def test_reasons_come_in_an_api_error(caller: Caller, outcome: Outcome) -> None:
    caller.server.faults.add(Fault("job", JobEnds(outcome, "the moon was full")))
    result = caller.export()["result"]
    assert result["httpCode"] == 500
    assert result["errors"] == ["the moon was full"]


def test_stopping_keeps_the_slot(caller: Caller) -> None:
    caller.server.faults.add(Fault("job", JobEnds(Outcome.STOPPING)))
    assert caller.export()["status"] == "STOPPING"
    assert caller.post("xml/user").status_code == 429


def test_trap_6_completed_does_not_mean_link_checksum_or_size(caller: Caller) -> None:
    def result_after(outcome: Outcome) -> dict[str, object]:
        caller.server.faults.add(Fault("job", JobEnds(outcome)))
        shown = caller.export()
        assert shown["status"] == "COMPLETED"
        return {**shown["result"], "links": len(shown["_links"])}

    assert result_after(Outcome.NO_LINK)["links"] == 0
    assert result_after(Outcome.NO_CHECKSUM)["checksum"] is None
    assert result_after(Outcome.NO_SIZE)["size"] is None
    gone = result_after(Outcome.ROW_GONE)
    assert (gone["size"], gone["checksum"], gone["algorithm"]) == (None, None, None)
    assert gone["expiryDate"]
    assert result_after(Outcome.WRONG_SIZE)["size"] == caller.server.exports[-1].size + 1
    wrong = result_after(Outcome.WRONG_CHECKSUM)["checksum"]
    assert wrong != str(caller.server.exports[-1].crc32)
    hexadecimal = str(result_after(Outcome.HEX_CHECKSUM)["checksum"])
    assert int(hexadecimal, 16) == caller.server.exports[-1].crc32
    assert caller.server.faults.unfired() == []


def test_trap_5_expiry_slides_with_every_poll_but_deletion_does_not(
    timed: Caller, clock: Clock
) -> None:
    job = timed.start()
    clock.now = 200
    first = timed.poll(job)["result"]["expiryDate"]
    clock.now = DAY
    second = timed.poll(job)
    slid = datetime.fromisoformat(second["result"]["expiryDate"]) - datetime.fromisoformat(first)
    assert slid.total_seconds() == pytest.approx(DAY - 200, abs=2)
    clock.now = 2 * DAY + 60  # two days after the start, but the next sweep is yet to come
    assert timed.get(enclosure(second)).status_code == 200
    clock.now = 2 * DAY + 3600
    expired = timed.poll(job)
    assert (expired["status"], expired["result"]["size"]) == ("COMPLETED", None)
    assert expired["result"]["checksum"] is expired["result"]["algorithm"] is None
    gone = timed.get(enclosure(expired))
    assert (gone.status_code, gone.json()["internalCode"]) == (500, 50001)


def test_trap_4_a_restart_wedges_the_slot(timed: Caller, clock: Clock) -> None:
    finished = timed.start("xml/user", BOB_KEY)
    clock.now = 150
    running = timed.start()
    clock.now = 200
    assert timed.server.restart() == 1
    clock.now = 100 * DAY
    shown = timed.poll(running)
    assert (shown["status"], shown["percentComplete"]) == ("STARTED", -1.0)
    assert timed.poll(finished, BOB_KEY)["status"] == "COMPLETED"
    assert timed.post("xml/user").status_code == 429
    timed.server.release("alice")
    assert timed.poll(running)["status"] == "ABANDONED"
    assert timed.post("xml/user").status_code == 202


def test_a_job_can_be_stuck_or_restarted_by_plan(busy_lab: Caller) -> None:
    busy_lab.server.faults.add(Fault("job", JobEnds(Outcome.STUCK)))
    assert busy_lab.poll(busy_lab.start())["status"] == "STARTED"
    fault = busy_lab.server.faults.add(Fault("poll", Restart()))
    job = busy_lab.start("xml/user", BOB_KEY)
    with pytest.raises(Exception, match=r"reset|disconnected"):
        busy_lab.poll(job, BOB_KEY)
    assert fault.fired == 1
    assert busy_lab.post("xml/user", BOB_KEY).status_code == 429


def test_links_follow_the_prefix_the_server_believes_in(open_caller: Open) -> None:
    caller = open_caller(Options(urls_prefix="https://eln.example.edu/"))
    response = caller.post("xml/user")
    assert response.json()["_links"][0]["link"] == "https://eln.example.edu//api/v1/jobs/23"
    shown = caller.finish(23)
    assert enclosure(shown).startswith("https://eln.example.edu//api/v1/export/RSpace-")
    # The doubled slash works where it leads.
    path = enclosure(shown).removeprefix("https://eln.example.edu")
    assert caller.client().get(f"{caller.server.url}{path}").status_code == 200


def test_media_count_as_progress_but_folders_do_not(open_caller: Open, clock: Clock) -> None:
    world = World(users=default_world().users)
    world.add(Record(1, "Folder", "alice", Kind.FOLDER), Record(2, "x.png", "alice", Kind.MEDIA))
    caller = open_caller(Options(clock=clock, timing=JobTiming(queue=0, run=100)), world)
    assert caller.poll(caller.start())["percentComplete"] == 50.0
