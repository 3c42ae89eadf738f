import zlib
from collections.abc import Callable

import pytest

from labferry.sdk import (
    InvalidAnswerError,
    JobStatus,
    NotFoundError,
    RefusedError,
    TransientError,
)
from labferry.testing.rspace import (
    BOB_KEY,
    Act,
    Answer,
    BigArchive,
    ChangedETag,
    Fault,
    IgnoreRange,
    Limit,
    Options,
    Redirect,
    Reset,
    SimulatedRSpace,
    Stall,
    Throttling,
    Truncate,
    WrongContentRange,
    html_answer,
    huge_answer,
    json_answer,
)
from labferry_rspace import RSpaceSource

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Finish = Callable[[RSpaceSource], JobStatus]
Fetch = Callable[[RSpaceSource, str], bytes]

BINARY = "application/octet-stream"
OTHER = (("Content-Range", "bytes 100-100/101"), ("ETag", '"another"'))


def link_of(finish: Finish, source: RSpaceSource) -> str:
    offer = finish(source).offer
    assert offer is not None
    assert offer.link is not None
    return offer.link


def content(server: SimulatedRSpace) -> bytes:
    return server.exports[-1].content()


@pytest.fixture
def s3(serve: Serve) -> SimulatedRSpace:
    return serve(Options(presigned=True))


@pytest.fixture(params=["local", "s3"])
def either(serve: Serve, request: pytest.FixtureRequest) -> SimulatedRSpace:
    return serve(Options(presigned=request.param == "s3"))


@pytest.mark.parametrize(
    ("version", "is_faulty"),
    [("2.24.3", True), ("1.99", True), ("2.25.0", False), ("2.26.0-SNAPSHOT", False), ("", False)],
)
def test_an_upload_by_an_old_version_may_be_damaged(
    s3: SimulatedRSpace,
    connect: Connect,
    finish: Finish,
    version: str,
    is_faulty: bool,  # noqa: FBT001 - a table
) -> None:
    source = connect(s3)
    link = link_of(finish, source)
    s3.options.version = version
    for offset, validator in ((0, None), (5, '"another"')):
        with source.download(link, source.lanes()[0], offset=offset, validator=validator) as got:
            assert ("2 GiB. RSpace 2.25 mends that." in got.known_fault) is is_faulty


def test_an_archive_of_rspace_itself_has_no_known_fault(
    serve: Serve, connect: Connect, finish: Finish
) -> None:
    source = connect(serve(Options(version="2.24.0")))
    with source.download(link_of(finish, source), source.lanes()[0]) as got:
        assert got.known_fault == ""


def test_a_version_that_can_not_be_asked_for_hinders_no_download(
    s3: SimulatedRSpace, connect: Connect, finish: Finish, fetch: Fetch
) -> None:
    source = connect(s3)
    link = link_of(finish, source)
    s3.faults.add(Fault("status", html_answer(502)))
    assert fetch(source, link) == content(s3)


def test_rspace_sends_the_archive_whole_and_without_a_validator(
    server: SimulatedRSpace, connect: Connect, finish: Finish
) -> None:
    source = connect(server)
    link = link_of(finish, source)
    with source.download(link, source.lanes()[0], offset=10, validator='"x"') as download:
        assert (download.offset, download.total) == (0, server.exports[-1].size)
        assert download.validator is None
        assert b"".join(download.chunks) == content(server)


def test_the_archive_is_asked_for_as_it_is_stored(
    either: SimulatedRSpace, connect: Connect, finish: Finish, fetch: Fetch
) -> None:
    source = connect(either)
    assert fetch(source, link_of(finish, source)) == content(either)
    asked = either.requests[-1].headers
    assert asked["accept"] == "application/octet-stream, application/json;q=0.9"
    assert asked["accept-encoding"] == "identity"
    assert asked["user-agent"].startswith("labferry")
    assert "authorization" not in asked


def test_trap_13_the_key_goes_to_rspace_and_never_to_s3(
    s3: SimulatedRSpace, connect: Connect, finish: Finish, fetch: Fetch
) -> None:
    source = connect(s3)
    fetch(source, link_of(finish, source))
    assert [request.origin for request in s3.requests][-1] == "s3"
    assert "apikey" not in s3.requests[-1].headers
    assert all("apikey" in request.headers for request in s3.requests[:-1])


def test_trap_10_links_of_another_prefix_are_asked_for_at_the_configured_address(
    serve: Serve, connect: Connect, finish: Finish, fetch: Fetch
) -> None:
    other = serve()
    server = serve(Options(urls_prefix=f"{other.url}/"))
    source = connect(server)
    link = link_of(finish, source)
    assert link.startswith(other.url)
    assert fetch(source, link) == content(server)
    assert other.requests == []


def test_s3_resumes_where_the_bytes_ended(
    s3: SimulatedRSpace, connect: Connect, finish: Finish
) -> None:
    source = connect(s3)
    link = link_of(finish, source)
    (lane,) = source.lanes()
    with source.download(link, lane) as first:
        validator = first.validator
    assert validator is not None
    with source.download(link, lane, offset=100, validator=validator) as rest:
        assert (rest.offset, rest.total) == (100, s3.exports[-1].size)
        assert rest.validator == validator
        assert b"".join(rest.chunks) == content(s3)[100:]


@pytest.mark.parametrize(
    ("act", "requests"),
    [
        pytest.param(IgnoreRange(), 1, id="200 instead of 206"),
        pytest.param(ChangedETag(), 1, id="the object changed"),
        pytest.param(WrongContentRange(), 2, id="wrong Content-Range"),
        pytest.param(Answer(206, b"x", BINARY), 2, id="no Content-Range"),
        pytest.param(Answer(416), 2, id="416"),
        pytest.param(Answer(206, b"x", BINARY, headers=OTHER), 2, id="206 of another object"),
    ],
)
def test_what_can_not_be_resumed_starts_from_the_beginning(
    s3: SimulatedRSpace, connect: Connect, finish: Finish, act: Act, requests: int
) -> None:
    source = connect(s3)
    link = link_of(finish, source)
    (lane,) = source.lanes()
    with source.download(link, lane) as first:
        validator = first.validator
    before = len(s3.requests)
    s3.faults.add(Fault("download", act))
    with source.download(link, lane, offset=100, validator=validator) as again:
        assert again.offset == 0
        assert b"".join(again.chunks) == content(s3)
    assert len(s3.requests) - before == requests
    assert s3.requests[before].headers["range"] == "bytes=100-"
    assert s3.requests[before].headers["if-range"] == validator


def test_an_offset_beyond_the_end_starts_from_the_beginning(
    s3: SimulatedRSpace, connect: Connect, finish: Finish
) -> None:
    source = connect(s3)
    link = link_of(finish, source)
    (lane,) = source.lanes()
    with source.download(link, lane) as first:
        validator = first.validator
    beyond = s3.exports[-1].size
    with source.download(link, lane, offset=beyond, validator=validator) as again:
        assert again.offset == 0


@pytest.mark.parametrize("validator", [None, "", 'W/"weak"', "unquoted", '"a"\r\nX: y'])
def test_without_a_strong_validator_nothing_is_resumed(
    s3: SimulatedRSpace, connect: Connect, finish: Finish, validator: str | None
) -> None:
    source = connect(s3)
    link = link_of(finish, source)
    with source.download(link, source.lanes()[0], offset=5, validator=validator) as download:
        assert download.offset == 0
    assert "range" not in s3.requests[-1].headers


@pytest.mark.parametrize("etag", ['W/"weak"', "unquoted", ""])
def test_a_weak_etag_is_no_validator(
    s3: SimulatedRSpace, connect: Connect, finish: Finish, etag: str
) -> None:
    source = connect(s3)
    link = link_of(finish, source)
    s3.faults.add(Fault("download", ChangedETag(etag)))
    with source.download(link, source.lanes()[0]) as download:
        assert download.validator is None


def test_trap_9_an_expired_archive_is_500_at_rspace_and_means_gone(
    server: SimulatedRSpace, connect: Connect, finish: Finish, fetch: Fetch
) -> None:
    source = connect(server)
    link = link_of(finish, source)
    server.expire(server.exports[-1].file)
    with pytest.raises(NotFoundError, match="could not be found"):
        fetch(source, link)


def test_an_object_that_left_s3_is_gone(
    s3: SimulatedRSpace, connect: Connect, finish: Finish, fetch: Fetch
) -> None:
    source = connect(s3)
    link = link_of(finish, source)
    s3.expire(s3.exports[-1].file)
    with pytest.raises(NotFoundError):
        fetch(source, link)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_expired_link_to_s3_is_refused_without_its_signature(
    s3: SimulatedRSpace, connect: Connect, finish: Finish, fetch: Fetch, status: int
) -> None:
    source = connect(s3)
    link = link_of(finish, source)
    s3.faults.add(Fault("download", Answer(status, b"<Error/>", "application/xml")))
    with pytest.raises(RefusedError, match="limited time") as caught:
        fetch(source, link)
    assert "Signature" not in str(caught.value)


def test_a_forged_signature_is_refused(
    s3: SimulatedRSpace, connect: Connect, finish: Finish, fetch: Fetch
) -> None:
    source = connect(s3)
    with pytest.raises(RefusedError):
        fetch(source, f"{link_of(finish, source)}0")


def test_the_key_that_downloads_need_not_be_the_owners(
    server: SimulatedRSpace, connect: Connect, finish: Finish, fetch: Fetch
) -> None:
    link = link_of(finish, connect(server))
    assert fetch(connect(server, BOB_KEY), link) == content(server)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        pytest.param(json_answer(401, 40101, "x is not authorised"), RefusedError, id="401"),
        pytest.param(html_answer(403), RefusedError, id="403"),
        pytest.param(html_answer(404), NotFoundError, id="404"),
        pytest.param(html_answer(410), NotFoundError, id="410"),
        pytest.param(json_answer(422, 42201, "Invalid file name"), InvalidAnswerError, id="422"),
        pytest.param(html_answer(500), TransientError, id="500 of something in between"),
        pytest.param(html_answer(502), TransientError, id="502"),
        pytest.param(html_answer(503), TransientError, id="503"),
        pytest.param(html_answer(504), TransientError, id="504"),
        pytest.param(huge_answer(500, 2 * 1024 * 1024), TransientError, id="huge"),
        pytest.param(html_answer(200), InvalidAnswerError, id="trap 9: web page with 200"),
        pytest.param(json_answer(200, 1, "x"), InvalidAnswerError, id="JSON with 200"),
        pytest.param(Answer(204), InvalidAnswerError, id="204"),
        pytest.param(
            Answer(206, b"x", "application/zip"), InvalidAnswerError, id="206 not asked for"
        ),
        pytest.param(
            Answer(200, b"x", "application/zip", headers=(("Content-Encoding", "gzip"),)),
            InvalidAnswerError,
            id="compressed",
        ),
        pytest.param(Answer(302), TransientError, id="redirect without location"),
        pytest.param(Redirect("ftp://x.example.edu/"), InvalidAnswerError, id="redirect to ftp"),
        pytest.param(Reset(), TransientError, id="reset"),
    ],
)
def test_answers_that_are_no_archive(
    server: SimulatedRSpace,
    connect: Connect,
    finish: Finish,
    fetch: Fetch,
    act: Act,
    error: type[Exception],
) -> None:
    source = connect(server)
    link = link_of(finish, source)
    server.faults.add(Fault("download", act))
    with pytest.raises(error):
        fetch(source, link)


def test_throttling_says_how_long_to_wait(serve: Serve, connect: Connect, fetch: Fetch) -> None:
    server = serve(Options(throttling=Throttling(quarter_min=Limit(2, 15), min_interval_ms=0)))
    source = connect(server)
    source.lanes()
    with pytest.raises(TransientError) as caught:
        fetch(source, f"{server.url}/api/v1/export/a.zip")
    assert caught.value.retry_after == pytest.approx(7.5, abs=1)


@pytest.mark.parametrize("act", [Truncate(500), Truncate(500, reset=True)])
def test_a_connection_that_breaks_in_the_body_is_transient(
    either: SimulatedRSpace, connect: Connect, finish: Finish, act: Truncate
) -> None:
    source = connect(either)
    link = link_of(finish, source)
    either.faults.add(Fault("download", act))
    arrived: list[bytes | bytearray] = []
    with (
        source.download(link, source.lanes()[0]) as download,
        pytest.raises(TransientError, match="broke off"),
    ):
        arrived.extend(download.chunks)
    assert content(either).startswith(b"".join(arrived))


def test_a_stall_in_the_body_is_transient(
    server: SimulatedRSpace, connect: Connect, finish: Finish, fetch: Fetch
) -> None:
    source = connect(server, read_timeout="100ms")
    link = link_of(finish, source)
    server.faults.add(Fault("download", Stall(after_bytes=100)))
    with pytest.raises(TransientError, match="silent for"):
        fetch(source, link)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_s3_is_followed_without_the_key(
    server: SimulatedRSpace,
    s3: SimulatedRSpace,
    connect: Connect,
    finish: Finish,
    fetch: Fetch,
    status: int,
) -> None:
    presigned = link_of(finish, connect(s3))
    server.faults.add(Fault("download", Redirect(presigned, status)))
    source = connect(server)
    assert fetch(source, f"{server.url}/api/v1/export/a.zip") == content(s3)
    assert "apikey" not in s3.requests[-1].headers


def test_a_redirect_inside_the_api_keeps_the_key(
    server: SimulatedRSpace, connect: Connect, finish: Finish, fetch: Fetch
) -> None:
    source = connect(server)
    link = link_of(finish, source)
    server.faults.add(Fault("download", Redirect(link)))
    assert fetch(source, f"{server.url}/api/v1/export/old.zip") == content(server)


def test_a_redirect_to_another_server_takes_no_key_along(
    serve: Serve, server: SimulatedRSpace, connect: Connect, fetch: Fetch
) -> None:
    other = serve()
    server.faults.add(Fault("download", Redirect(f"{other.url}/api/v1/export/a.zip")))
    with pytest.raises(RefusedError):
        fetch(connect(server), f"{server.url}/api/v1/export/a.zip")
    assert "apikey" not in other.requests[-1].headers


def test_redirects_without_end_are_given_up(
    server: SimulatedRSpace, connect: Connect, fetch: Fetch
) -> None:
    link = f"{server.url}/api/v1/export/a.zip"
    server.faults.add(Fault("download", Redirect(link), times=None))
    with pytest.raises(InvalidAnswerError, match="more than 3 times"):
        fetch(connect(server), link)
    assert sum(request.kind == "download" for request in server.requests) == 4


def test_large_archives_arrive_in_pieces(serve: Serve, connect: Connect, finish: Finish) -> None:
    size = 20 * 1024 * 1024
    server = serve(Options(archives=[BigArchive(size)]))
    source = connect(server)
    crc32, longest = 0, 0
    with source.download(link_of(finish, source), source.lanes()[0]) as download:
        for chunk in download.chunks:
            crc32 = zlib.crc32(chunk, crc32)
            longest = max(longest, len(chunk))
    assert crc32 == server.exports[-1].crc32
    assert longest <= 1024 * 1024


def test_leaving_in_the_middle_closes_the_connection_and_the_next_download_works(
    either: SimulatedRSpace, connect: Connect, finish: Finish, fetch: Fetch
) -> None:
    source = connect(either)
    link = link_of(finish, source)
    with source.download(link, source.lanes()[0]) as download:
        next(download.chunks)
    assert fetch(source, link) == content(either)
