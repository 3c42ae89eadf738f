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

from .conftest import Open
from .laboratory import Lab, enclosure, plain_get

STATUS = "/api/v1/status"


@pytest.fixture
def s3(open_lab: Open) -> Lab:
    return open_lab(Options(presigned=True))


def fail(lab: Lab, act: Act, on: On = "download") -> None:
    lab.server.faults.add(Fault(on, act))


def test_occurrences_and_the_count_of_them(lab: Lab) -> None:
    second = lab.server.faults.add(Fault("status", Answer(503), nth=2))
    later = lab.server.faults.add(Fault("any", Answer(502), nth=4, times=2))
    ever = lab.server.faults.add(Fault("whoami", Answer(504), times=None))
    never = Fault("groups", Answer(500))
    lab.server.faults.add(never)
    answers = [lab.get(STATUS).status_code for _ in range(6)]
    assert answers == [200, 503, 200, 502, 502, 200]
    assert [lab.get("/api/v1/userDetails/whoami").status_code for _ in range(3)] == [504] * 3
    assert (second.fired, later.fired, ever.fired) == (1, 2, 3)
    assert lab.server.faults.unfired() == [never]
    lab.server.faults.clear()
    assert lab.server.faults.unfired() == []
    assert lab.get("/api/v1/userDetails/whoami").status_code == 200


def test_an_act_that_does_not_fit_is_refused(lab: Lab) -> None:
    with pytest.raises(ValueError, match="JobEnds"):
        lab.server.faults.add(Fault("poll", JobEnds(Outcome.FAILED)))
    with pytest.raises(ValueError, match="Truncate"):
        lab.server.faults.add(Fault("job", Truncate(1)))


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
def test_every_endpoint_has_a_name(lab: Lab, on: On, path: str) -> None:
    fail(lab, Answer(418), on)
    assert lab.get(path).status_code == 418
    assert lab.server.requests[-1].kind == on
    assert lab.server.requests[-1].status == 418


def test_bodies_of_errors(lab: Lab) -> None:
    acts = (
        Answer(502),
        html_answer(504),
        json_answer(503, 50301, "later"),
        huge_answer(500, 3_000_000),
        html_answer(),
    )
    for number, act in enumerate(acts, 1):
        lab.server.faults.add(Fault("status", act, nth=number))
    empty, html, problem, huge, page = (lab.get(STATUS) for _ in range(5))
    assert (empty.status_code, empty.content) == (502, b"")
    assert (html.status_code, html.headers["content-type"][:9]) == (504, "text/html")
    assert (problem.status_code, problem.json()["internalCode"]) == (503, 50301)
    assert (huge.status_code, len(huge.content) > 2_999_999) == (500, True)
    assert (page.status_code, page.text[:9]) == (200, "<!doctype")


def test_reset_before_has_no_effect(lab: Lab) -> None:
    fail(lab, Reset(), "submit")
    with pytest.raises(httpx.TransportError):
        lab.post("xml/user")
    assert lab.server.exports == []
    assert lab.server.requests[-1].status == 0
    assert lab.post("xml/user").status_code == 202


@pytest.mark.parametrize("act", [Reset(after_effect=True), html_answer(504, after_effect=True)])
def test_trap_2_an_answer_is_lost_after_the_effect(busy_lab: Lab, act: Act) -> None:
    fail(busy_lab, act, "submit")
    try:
        assert busy_lab.post("xml/user").status_code == 504
    except httpx.TransportError:
        assert isinstance(act, Reset)
    assert len(busy_lab.server.exports) == 1
    assert busy_lab.post("xml/user").status_code == 429


def test_stall_before_and_after_the_effect(lab: Lab) -> None:
    for exports in (0, 1):
        fail(lab, Stall(after_effect=bool(exports)), "submit")
        with pytest.raises(httpx.ReadTimeout):
            lab.post("xml/user", timeout=0.1)
        assert len(lab.server.exports) == exports


def test_stall_for_a_while(lab: Lab) -> None:
    fail(lab, Stall(0.1), "status")
    began = time.monotonic()
    assert lab.get(STATUS).status_code == 200
    assert time.monotonic() - began >= 0.1


def test_stop_releases_what_stalls(lab: Lab) -> None:
    with SimulatedRSpace() as server:
        server.faults.add(Fault("any", Stall()))
        with pytest.raises(httpx.ReadTimeout):
            plain_get(f"{server.url}{STATUS}", headers={"apiKey": ALICE_KEY}, timeout=0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 1


def test_stall_inside_a_body(lab: Lab) -> None:
    link = enclosure(lab.export())
    fail(lab, Stall(0.05, after_bytes=100))
    assert lab.get(link).content == lab.server.exports[0].content()
    fail(lab, Stall(after_bytes=100))
    assert read_until_silence(lab, link) == lab.server.exports[0].content()[:100]


def read_until_silence(lab: Lab, link: str) -> bytes:
    got = b""
    with lab.client().stream("GET", link, timeout=0.1) as response:
        with contextlib.suppress(httpx.ReadTimeout):
            for piece in response.iter_raw():
                got += piece
        return got


@pytest.mark.parametrize("reset", [False, True])
def test_truncation_is_noticed_by_a_client_that_counts(lab: Lab, *, reset: bool) -> None:
    link = enclosure(lab.export())
    fail(lab, Truncate(100, reset=reset))
    with pytest.raises(httpx.TransportError):
        lab.get(link)
    assert lab.get(link).status_code == 200


def test_silent_damage_is_noticed_by_size_or_checksum_only(lab: Lab) -> None:
    link = enclosure(lab.export())
    good = lab.server.exports[0].content()
    for act, expected in (
        (Truncate(100, honest=True), good[:100]),
        (ExtraBytes(b"more"), good + b"more"),
        (BitFlip(7, bit=3), good[:7] + bytes([good[7] ^ 8]) + good[8:]),
    ):
        fail(lab, act)
        assert lab.get(link).content == expected
    assert zlib.crc32(lab.get(link).content) == lab.server.exports[0].crc32
    assert lab.server.faults.unfired() == []


def test_a_wrong_content_length(lab: Lab) -> None:
    link = enclosure(lab.export())
    fail(lab, WrongLength(5))
    with pytest.raises(httpx.TransportError):
        lab.get(link)
    fail(lab, WrongLength(-5))
    assert lab.get(link).content == lab.server.exports[0].content()[:-5]


def test_a_slow_body(lab: Lab) -> None:
    link = enclosure(lab.export())
    size = lab.server.exports[0].size
    fail(lab, Slow(size / 0.2))
    began = time.monotonic()
    assert lab.get(link).content == lab.server.exports[0].content()
    assert time.monotonic() - began >= 0.15


def test_trap_10_redirects_to_another_origin(lab: Lab) -> None:
    fail(lab, Redirect(f"{lab.server.presigned_url}/"), "status")
    response = lab.get(STATUS)
    assert response.status_code == 302
    assert response.headers["location"] == f"{lab.server.presigned_url}{STATUS}"
    lab.get(STATUS, follow_redirects=True)
    # httpx follows with the key, as the official client does; the log proves it.
    fail(lab, Redirect(f"{lab.server.presigned_url}/"), "status")
    lab.get(STATUS, follow_redirects=True)
    (leak,) = lab.server.leaks()
    assert leak.carries(ALICE_KEY)


def test_wrong_answers_to_range_requests(s3: Lab) -> None:
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


def test_several_faults_on_one_request(lab: Lab) -> None:
    link = enclosure(lab.export())
    fail(lab, BitFlip(0))
    fail(lab, Truncate(10, honest=True))
    good = lab.server.exports[0].content()
    assert lab.get(link).content == bytes([good[0] ^ 1]) + good[1:10]
