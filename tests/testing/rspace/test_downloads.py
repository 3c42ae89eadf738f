"""Fetching an archive, locally and by presigned link: the contract's section "Fetch"."""

import re
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from labferry.testing.rspace import (
    ALICE,
    ALICE_KEY,
    BOB_KEY,
    PI_KEY,
    BigArchive,
    Fault,
    JobEnds,
    Options,
    Outcome,
)

from .caller import TLS, Caller, Clock, enclosure
from .conftest import Open

DAY = 86400.0


@pytest.fixture
def s3(open_caller: Open) -> Caller:
    return open_caller(Options(presigned=True))


def plain(url: str, method: str = "GET", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.request(method, url, headers=named, verify=TLS)


def test_local_download_is_whole_with_length_and_name_and_nothing_else(caller: Caller) -> None:
    link = enclosure(caller.export())
    name = link.rpartition("/")[2]
    response = caller.get(link, headers={"Range": "bytes=10-20"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert int(response.headers["content-length"]) == caller.server.exports[0].size
    assert not {"etag", "last-modified", "accept-ranges", "content-range"} & set(response.headers)
    assert response.content == caller.server.exports[0].content()


def test_local_head_works_and_any_valid_key_will_do(caller: Caller) -> None:
    link = enclosure(caller.export())
    head = caller.client(BOB_KEY).head(link)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == caller.server.exports[0].size
    assert caller.get(link, BOB_KEY).content == caller.server.exports[0].content()
    assert plain(link).status_code == 401


def test_local_names(caller: Caller) -> None:
    name = enclosure(caller.export()).rpartition("/")[2]
    assert caller.get(f"/api/v1/export/{name.removesuffix('.zip')}").status_code == 200
    assert caller.get("/api/v1/export/bad%20name.zip").status_code == 422
    assert caller.get("/api/v1/export/name.tar").status_code == 422
    missing = caller.get("/api/v1/export/missing.zip")
    assert (missing.status_code, missing.json()["internalCode"]) == (500, 50001)


def test_a_running_export_cannot_be_downloaded_yet(busy_lab: Caller) -> None:
    busy_lab.start()
    assert busy_lab.get(f"/api/v1/export/{busy_lab.server.exports[0].file}").status_code == 500


@pytest.mark.parametrize(
    ("path", "key", "label"),
    [
        ("xml/user", ALICE_KEY, "alice"),
        (f"xml/user/{ALICE.id}", PI_KEY, "pi"),
        ("html/group", PI_KEY, "ChemLab"),
        ("xml/selection?selections=202,203", ALICE_KEY, "SELECTION"),
        ("xml/selection?selections=203", ALICE_KEY, "Bufferrecipes"),
    ],
)
def test_names_follow_the_strategy(caller: Caller, path: str, key: str, label: str) -> None:
    caller.start(path, key)
    pattern = rf"RSpace-\d{{4}}-\d\d-\d\d-\d\d-\d\d-(xml|html)-{label}-[A-Za-z0-9_-]{{14}}\.zip"
    assert re.fullmatch(pattern, caller.server.exports[0].file)


def test_presigned_links_are_anew_at_each_poll_and_need_no_key(open_caller: Open) -> None:
    clock = Clock()
    caller = open_caller(Options(presigned=True, clock=clock))
    job = caller.start()
    clock.now = 1
    first = enclosure(caller.poll(job))
    clock.now = 2
    second = enclosure(caller.poll(job))
    assert first != second
    assert first.startswith(caller.server.presigned_url)
    assert plain(first).content == plain(second).content == caller.server.exports[0].content()
    assert caller.server.leaks() == []


def test_presigned_ranges_as_s3_does_them(s3: Caller) -> None:
    link = enclosure(s3.export())
    data = s3.server.exports[0].content()
    size, etag = len(data), plain(link).headers["etag"]
    for wanted, start, stop in (
        ("bytes=10-19", 10, 20),
        ("bytes=100-", 100, size),
        ("bytes=-7", size - 7, size),
        (f"bytes=5-{size * 2}", 5, size),
    ):
        part = plain(link, Range=wanted, If_Range=etag)
        assert (part.status_code, part.content) == (206, data[start:stop])
        assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
        assert part.headers["etag"] == etag
    whole = plain(link, Range="bytes=10-19", If_Range='"another"')
    assert (whole.status_code, whole.content) == (200, data)
    refused = plain(link, Range=f"bytes={size}-")
    assert (refused.status_code, refused.headers["content-range"]) == (416, f"bytes */{size}")
    assert plain(link, If_Match='"another"').status_code == 412


def test_presigned_refusals(s3: Caller) -> None:
    link = enclosure(s3.export())
    assert plain(link, "HEAD").status_code == 403
    assert plain(link, Authorization="Bearer x").status_code == 400
    assert plain(link.partition("?")[0]).status_code == 403
    assert plain(f"{link}0").status_code == 403
    assert plain(link.replace("X-Amz-Expires=1", "X-Amz-Expires=9")).status_code == 403
    # S3 itself does not mind the key; the log is what tells.
    assert plain(link, apiKey=ALICE_KEY).status_code == 200
    assert [request.origin for request in s3.server.leaks()] == ["s3"]


def test_presigned_links_expire_and_the_object_stays(open_caller: Open) -> None:
    clock = Clock()
    caller = open_caller(Options(presigned=True, clock=clock))
    job = caller.start()
    clock.now = 1
    link = enclosure(caller.poll(job))
    clock.now = 3 * DAY
    expired = plain(link)
    assert (expired.status_code, "expired" in expired.text) == (403, True)
    assert plain(enclosure(caller.poll(job))).status_code == 200


def test_presigned_for_more_than_seven_days_makes_polling_fail(open_caller: Open) -> None:
    caller = open_caller(Options(presigned=True, storage_time=8 * DAY))
    with pytest.raises(AssertionError, match="50001"):
        caller.export()


def test_presigned_object_gone_or_upload_failed_makes_polling_fail(s3: Caller) -> None:
    shown = s3.export()
    s3.server.expire(s3.server.exports[0].file)
    assert plain(enclosure(shown)).status_code == 404
    with pytest.raises(AssertionError, match="Couldn't find export on S3 for"):
        s3.poll(shown["id"])
    s3.server.faults.add(Fault("job", JobEnds(Outcome.UPLOAD_FAILED)))
    with pytest.raises(AssertionError, match="Couldn't find export on S3 for"):
        s3.export()


def test_the_local_copy_is_gone_when_it_is_on_s3(s3: Caller) -> None:
    s3.export()
    assert s3.get(f"/api/v1/export/{s3.server.exports[0].file}").status_code == 500


@pytest.mark.parametrize("presigned", [False, True])
def test_a_big_archive_is_streamed_with_a_known_crc(open_caller: Open, *, presigned: bool) -> None:
    caller = open_caller(Options(archives=[BigArchive(5 * 2**30)], presigned=presigned))
    shown = caller.export()
    assert shown["result"]["size"] == 5 * 2**30
    address = urlsplit(enclosure(shown))
    # A client that leaves in the middle does no harm.
    with socket.create_connection((address.hostname, address.port)) as raw:
        target = f"{address.path}?{address.query}"
        raw.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\napiKey: {ALICE_KEY}\r\n\r\n".encode())
        head = raw.recv(4096)
    assert head.startswith(b"HTTP/1.1 200")
    assert f"Content-Length: {5 * 2**30}".encode() in head
    assert caller.poll(shown["id"])["status"] == "COMPLETED"
