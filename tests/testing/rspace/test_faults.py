"""The plan of faults: each does what its name says, is counted, and leaves the rest alone."""

import contextlib
import time
import zlib

import httpx
import pytest

from labferry.testing.rspace import (
    ALICE_KEY,
    Act,
    Answer,
    BitFlip,
    ChangedETag,
    ExtraBytes,
    Fault,
    IgnoreRange,
    JobEnds,
    On,
    Options,
    Outcome,
    Redirect,
    Reset,
    SimulatedRSpace,
    Slow,
    Stall,
    Truncate,
    WrongContentRange,
    WrongLength,
    html_answer,
    huge_answer,
    json_answer,
)

from .caller import Caller, enclosure, plain_get
from .conftest import Open

STATUS = "/api/v1/status"


@pytest.fixture
def s3(open_caller: Open) -> Caller:
    return open_caller(Options(presigned=True))


def fail(caller: Caller, act: Act, on: On = "download") -> None:
    caller.server.faults.add(Fault(on, act))


def test_occurrences_and_the_count_of_them(caller: Caller) -> None:
    second = caller.server.faults.add(Fault("status", Answer(503), nth=2))
    later = caller.server.faults.add(Fault("any", Answer(502), nth=4, times=2))
    ever = caller.server.faults.add(Fault("whoami", Answer(504), times=None))
    never = Fault("groups", Answer(500))
    caller.server.faults.add(never)
    answers = [caller.get(STATUS).status_code for _ in range(6)]
    assert answers == [200, 503, 200, 502, 502, 200]
    assert [caller.get("/api/v1/userDetails/whoami").status_code for _ in range(3)] == [504] * 3
    assert (second.fired, later.fired, ever.fired) == (1, 2, 3)
    assert caller.server.faults.unfired() == [never]
    caller.server.faults.clear()
    assert caller.server.faults.unfired() == []
    assert caller.get("/api/v1/userDetails/whoami").status_code == 200


def test_an_act_that_does_not_fit_is_refused(caller: Caller) -> None:
    with pytest.raises(ValueError, match="JobEnds"):
        caller.server.faults.add(Fault("poll", JobEnds(Outcome.FAILED)))
    with pytest.raises(ValueError, match="Truncate"):
        caller.server.faults.add(Fault("job", Truncate(1)))


@pytest.mark.parametrize(
    ("on", "path"),
    [
        ("status", STATUS),
        ("whoami", "/api/v1/userDetails/whoami"),
        ("groups", "/api/v1/groups"),
        ("documents", "/api/v1/documents"),
        ("activity", "/api/v1/activity"),
        ("users", "/api/v1/sysadmin/users"),
        ("poll", "/api/v1/jobs/1"),
        ("download", "/api/v1/export/a.zip"),
    ],
)
def test_every_endpoint_has_a_name(caller: Caller, on: On, path: str) -> None:
    fail(caller, Answer(418), on)
    assert caller.get(path).status_code == 418
    assert caller.server.requests[-1].kind == on
    assert caller.server.requests[-1].status == 418


def test_bodies_of_errors(caller: Caller) -> None:
    acts = (
        Answer(502),
        html_answer(504),
        json_answer(503, 50301, "later"),
        huge_answer(500, 3_000_000),
        html_answer(),
    )
    for number, act in enumerate(acts, 1):
        caller.server.faults.add(Fault("status", act, nth=number))
    empty, html, problem, huge, page = (caller.get(STATUS) for _ in range(5))
    assert (empty.status_code, empty.content) == (502, b"")
    assert (html.status_code, html.headers["content-type"][:9]) == (504, "text/html")
    assert (problem.status_code, problem.json()["internalCode"]) == (503, 50301)
    assert (huge.status_code, len(huge.content) > 2_999_999) == (500, True)
    assert (page.status_code, page.text[:9]) == (200, "<!doctype")


def test_reset_before_has_no_effect(caller: Caller) -> None:
    fail(caller, Reset(), "submit")
    with pytest.raises(httpx.TransportError):
        caller.post("xml/user")
    assert caller.server.exports == []
    assert caller.server.requests[-1].status == 0
    assert caller.post("xml/user").status_code == 202


@pytest.mark.parametrize("act", [Reset(after_effect=True), html_answer(504, after_effect=True)])
def test_trap_2_an_answer_is_lost_after_the_effect(busy_lab: Caller, act: Act) -> None:
    fail(busy_lab, act, "submit")
    try:
        assert busy_lab.post("xml/user").status_code == 504
    except httpx.TransportError:
        assert isinstance(act, Reset)
    assert len(busy_lab.server.exports) == 1
    assert busy_lab.post("xml/user").status_code == 429


def test_stall_before_and_after_the_effect(caller: Caller) -> None:
    for exports in (0, 1):
        fail(caller, Stall(after_effect=bool(exports)), "submit")
        with pytest.raises(httpx.ReadTimeout):
            caller.post("xml/user", timeout=0.1)
        assert len(caller.server.exports) == exports


def test_stall_for_a_while(caller: Caller) -> None:
    fail(caller, Stall(0.1), "status")
    began = time.monotonic()
    assert caller.get(STATUS).status_code == 200
    assert time.monotonic() - began >= 0.1


def test_stop_releases_what_stalls(caller: Caller) -> None:
    with SimulatedRSpace() as server:
        server.faults.add(Fault("any", Stall()))
        with pytest.raises(httpx.ReadTimeout):
            plain_get(f"{server.url}{STATUS}", headers={"apiKey": ALICE_KEY}, timeout=0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 1


def test_stall_inside_a_body(caller: Caller) -> None:
    link = enclosure(caller.export())
    fail(caller, Stall(0.05, after_bytes=100))
    assert caller.get(link).content == caller.server.exports[0].content()
    fail(caller, Stall(after_bytes=100))
    assert read_until_silence(caller, link) == caller.server.exports[0].content()[:100]


def read_until_silence(caller: Caller, link: str) -> bytes:
    got = b""
    with caller.client().stream("GET", link, timeout=0.1) as response:
        with contextlib.suppress(httpx.ReadTimeout):
            for piece in response.iter_raw():
                got += piece
        return got


@pytest.mark.parametrize("reset", [False, True])
def test_truncation_is_noticed_by_a_client_that_counts(caller: Caller, *, reset: bool) -> None:
    link = enclosure(caller.export())
    fail(caller, Truncate(100, reset=reset))
    with pytest.raises(httpx.TransportError):
        caller.get(link)
    assert caller.get(link).status_code == 200


def test_silent_damage_is_noticed_by_size_or_checksum_only(caller: Caller) -> None:
    link = enclosure(caller.export())
    good = caller.server.exports[0].content()
    for act, expected in (
        (Truncate(100, honest=True), good[:100]),
        (ExtraBytes(b"more"), good + b"more"),
        (BitFlip(7, bit=3), good[:7] + bytes([good[7] ^ 8]) + good[8:]),
    ):
        fail(caller, act)
        assert caller.get(link).content == expected
    assert zlib.crc32(caller.get(link).content) == caller.server.exports[0].crc32
    assert caller.server.faults.unfired() == []


def test_a_wrong_content_length(caller: Caller) -> None:
    link = enclosure(caller.export())
    fail(caller, WrongLength(5))
    with pytest.raises(httpx.TransportError):
        caller.get(link)
    fail(caller, WrongLength(-5))
    assert caller.get(link).content == caller.server.exports[0].content()[:-5]


def test_a_slow_body(caller: Caller) -> None:
    link = enclosure(caller.export())
    size = caller.server.exports[0].size
    fail(caller, Slow(size / 0.2))
    began = time.monotonic()
    assert caller.get(link).content == caller.server.exports[0].content()
    assert time.monotonic() - began >= 0.15


def test_trap_10_redirects_to_another_origin(caller: Caller) -> None:
    fail(caller, Redirect(f"{caller.server.presigned_url}/"), "status")
    response = caller.get(STATUS)
    assert response.status_code == 302
    assert response.headers["location"] == f"{caller.server.presigned_url}{STATUS}"
    caller.get(STATUS, follow_redirects=True)
    # httpx follows with the key, as the official client does; the log proves it.
    fail(caller, Redirect(f"{caller.server.presigned_url}/"), "status")
    caller.get(STATUS, follow_redirects=True)
    (leak,) = caller.server.leaks()
    assert leak.carries(ALICE_KEY)


def test_wrong_answers_to_range_requests(s3: Caller) -> None:
    link = enclosure(s3.export())
    data = s3.server.exports[0].content()
    etag = plain_get(link).headers["etag"]
    headers = {"Range": "bytes=100-199", "If-Range": etag}
    fail(s3, IgnoreRange())
    ignored = plain_get(link, headers=headers)
    assert (ignored.status_code, ignored.content) == (200, data)
    fail(s3, WrongContentRange(shift=-10))
    shifted = plain_get(link, headers=headers)
    assert shifted.headers["content-range"] == f"bytes 90-189/{len(data)}"
    assert (shifted.status_code, shifted.content) == (206, data[100:200])
    s3.server.faults.add(Fault("download", ChangedETag('"new"'), times=None))
    changed = plain_get(link, headers=headers)
    assert (changed.status_code, changed.headers["etag"]) == (200, '"new"')
    again = plain_get(link, headers={**headers, "If-Range": '"new"'})
    assert (again.status_code, again.content) == (206, data[100:200])


def test_several_faults_on_one_request(caller: Caller) -> None:
    link = enclosure(caller.export())
    fail(caller, BitFlip(0))
    fail(caller, Truncate(10, honest=True))
    good = caller.server.exports[0].content()
    assert caller.get(link).content == bytes([good[0] ^ 1]) + good[1:10]
