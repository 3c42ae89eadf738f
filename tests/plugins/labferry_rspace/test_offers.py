import json
import time
from collections.abc import Callable

import httpx
import pytest

from labferry.sdk import (
    JobState,
    JobStatus,
    TransientError,
)
from labferry.testing.rspace import (
    Answer,
    Fault,
    JobEnds,
    Options,
    Outcome,
    SimulatedRSpace,
)
from labferry_rspace import RSpaceSource
from labferry_rspace.answers import Answer as HttpAnswer
from labferry_rspace.jobs import read_result

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Submit = Callable[[RSpaceSource], JobStatus]


def ended(server: SimulatedRSpace, outcome: Outcome, reason: str | None = None) -> None:
    server.faults.add(Fault("job", JobEnds(outcome, reason)))


def answered(body: object, status: int = 200) -> Fault:
    return Fault("poll", Answer(status, json.dumps(body).encode(), "application/json"))


def poll(source: RSpaceSource, job: str = "23", link: str = "") -> JobStatus:
    return source.poll(job, link, source.lanes()[0])


def test_a_completed_job_offers_link_size_and_decimal_checksum(
    server: SimulatedRSpace, connect: Connect, finish: Submit
) -> None:
    status = finish(connect(server))
    export = server.exports[-1]
    assert status.state is JobState.COMPLETED
    assert status.offer is not None
    assert status.offer.link == f"{server.url}/api/v1/export/{export.file}"
    assert (status.offer.size, status.offer.crc32) == (export.size, export.crc32)
    assert status.offer.suffix == ".zip"
    assert status.link == f"{server.url}/api/v1/jobs/23"


def test_trap_5_the_storage_time_is_counted_from_the_answer_as_expirydate_slides(
    serve: Serve, connect: Connect, finish: Submit
) -> None:
    status = finish(connect(serve(Options(storage_time=7200))))
    assert status.offer is not None
    assert status.offer.kept_for == pytest.approx(7200, abs=2)


def completed(**result: object) -> dict[str, object]:
    return {
        "id": 23,
        "status": "COMPLETED",
        "percentComplete": 100.0,
        "result": {"size": 5, "checksum": "123", "algorithm": "CRC32", **result},
        "_links": [{"rel": "enclosure", "link": "https://x.example/a.zip?s=1"}],
    }


@pytest.mark.parametrize(
    ("checksum", "crc32"),
    [
        ("3632233996", 3632233996),
        ("0", 0),
        ("12345678", 12345678),
        ("0x12345678", 0x12345678),
        ("d87f7e0c", 0xD87F7E0C),
        ("D87F7E0C", 0xD87F7E0C),
        ("0000000a", 10),
        ("99999999999", None),
        ("-1", None),
        ("cafe-babe", None),
        ("", None),
        (None, None),
        (123, None),
    ],
)
def test_checksums_are_decimal_unless_they_can_only_be_hexadecimal(
    server: SimulatedRSpace, connect: Connect, checksum: object, crc32: int | None
) -> None:
    server.faults.add(answered(completed(checksum=checksum)))
    offer = poll(connect(server)).offer
    assert offer is not None
    assert offer.crc32 == crc32


def test_the_hexadecimal_checksum_of_a_server_is_read(
    server: SimulatedRSpace, connect: Connect, finish: Submit
) -> None:
    ended(server, Outcome.HEX_CHECKSUM)
    offer = finish(connect(server)).offer
    assert offer is not None
    assert offer.crc32 == server.exports[-1].crc32


@pytest.mark.parametrize("algorithm", ["MD5", None, 32])
def test_a_checksum_of_another_algorithm_counts_as_none(
    server: SimulatedRSpace, connect: Connect, algorithm: object
) -> None:
    server.faults.add(answered(completed(algorithm=algorithm)))
    offer = poll(connect(server)).offer
    assert offer is not None
    assert offer.crc32 is None


@pytest.mark.parametrize("size", [None, -1, "5", True, 5.5])
def test_a_size_that_is_none_counts_as_none(
    server: SimulatedRSpace, connect: Connect, size: object
) -> None:
    server.faults.add(answered(completed(size=size)))
    offer = poll(connect(server)).offer
    assert offer is not None
    assert offer.size is None


@pytest.mark.parametrize("expiry", [None, 5, "tomorrow", "2026-13-01T00:00:00Z"])
def test_an_unreadable_expirydate_counts_as_none(
    server: SimulatedRSpace, connect: Connect, expiry: object
) -> None:
    server.faults.add(answered(completed(expiryDate=expiry)))
    offer = poll(connect(server)).offer
    assert offer is not None
    assert offer.kept_for is None


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.zip", ".zip"), ("a.csv", ".csv"), ("a.zip.eln", ".zip.eln"), ("a", ".zip"), ("", ".zip")],
)
def test_the_kind_of_file_is_read_from_the_link(
    server: SimulatedRSpace, connect: Connect, name: str, suffix: str
) -> None:
    body = completed() | {"_links": [{"rel": "enclosure", "link": f"https://x.example/{name}?a.b"}]}
    server.faults.add(answered(body))
    offer = poll(connect(server)).offer
    assert offer is not None
    assert offer.suffix == suffix


@pytest.mark.parametrize(
    ("outcome", "missing"),
    [
        (Outcome.NO_LINK, {"link"}),
        (Outcome.NO_CHECKSUM, {"crc32"}),
        (Outcome.NO_SIZE, {"size"}),
        (Outcome.ROW_GONE, {"size", "crc32"}),
    ],
)
def test_trap_6_completed_does_not_mean_that_link_size_and_checksum_exist(
    server: SimulatedRSpace, connect: Connect, finish: Submit, outcome: Outcome, missing: set[str]
) -> None:
    ended(server, outcome)
    status = finish(connect(server))
    assert status.state is JobState.COMPLETED
    offer = status.offer
    assert offer is not None
    given = {"link": offer.link, "size": offer.size, "crc32": offer.crc32}
    assert {name for name, value in given.items() if value is None} == missing


def test_a_result_of_another_shape_offers_nothing(
    server: SimulatedRSpace, connect: Connect
) -> None:
    body = {"id": 23, "status": "COMPLETED", "result": [], "_links": [7, {"rel": "enclosure"}]}
    server.faults.add(answered(body))
    status = poll(connect(server))
    assert status.offer is not None
    assert (status.offer.link, status.offer.size, status.offer.crc32) == (None, None, None)


@pytest.mark.parametrize(
    "expiry",
    [
        *("9999-12-31T23:59:59.999-12:00", "0001-01-01T00:00:00+14:00", "soon", "", 10**400),
        *("2026-13-99T99:99:99Z", "99999-01-01T00:00:00Z", [], {}, 1e308),
    ],
)
@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "nonsense", "Thu, 0"])
def test_no_date_of_a_server_is_an_unexpected_error(
    server: SimulatedRSpace, connect: Connect, expiry: object, date: str
) -> None:
    source = connect(server)
    source.lanes()
    body = json.dumps(completed(expiryDate=expiry)).encode()
    headers = (("Date", date), ("Retry-After", "9" * 400))
    server.faults.add(Fault("poll", Answer(200, body, "application/json", headers=headers)))
    offer = poll(source).offer
    assert offer is not None
    assert offer.kept_for is None


@pytest.mark.parametrize("size", [2**63, 10**4000, 1e999, -1, "5"])
def test_no_size_is_more_than_a_ledger_can_hold(
    server: SimulatedRSpace, connect: Connect, size: object
) -> None:
    source = connect(server)
    server.faults.add(answered(completed(size=size)))
    try:
        offer = poll(source).offer
    except TransientError:
        # Not JSON: the job is asked about again.
        return
    assert offer is not None
    assert offer.size is None


@pytest.mark.parametrize("number", [10**19, 10**4000, "9" * 10_000, True, -1, 1.5])
def test_no_job_has_a_number_that_is_not_one(
    server: SimulatedRSpace, connect: Connect, number: object
) -> None:
    source = connect(server)
    server.faults.add(answered(completed() | {"id": number}))
    with pytest.raises(TransientError):
        poll(source)


def test_a_link_of_megabytes_takes_no_time() -> None:
    link = f"https://rspace.example.edu/{'.zip' * 250_000}x"
    document = {"_links": [{"rel": "enclosure", "link": link}]}
    started = time.process_time()
    offer = read_result(document, HttpAnswer(200, httpx.Headers(), b""))
    assert offer.suffix == ".zip"
    assert time.process_time() - started < 1
