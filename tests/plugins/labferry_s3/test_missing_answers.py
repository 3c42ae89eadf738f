"""What a store or a proxy leaves out of its answers, or writes in an odd way."""

import re

import pytest
from tests.speed import first_quick

from labferry.sdk import Checked, InvalidAnswerError, NotFoundError, StrayKind, TransientError

from .bucket import PART, PREFIX, Bucket
from .proxy import Proxy, Reply
from .storing import SEVERAL, Storing, sample

_ARCHIVE = r"\.zip$"
_SIZES = pytest.mark.parametrize("size", [1000, SEVERAL], ids=["small", "in-parts"])


def _replaced(proxy: Proxy, match: str, pattern: str, by: str = "") -> None:
    """Change the body of each answer to what matches."""

    def change(reply: Reply) -> None:
        reply.body = re.sub(pattern.encode(), by.encode(), reply.body)

    proxy.rewrite(match, change)


@pytest.mark.parametrize(
    "names", [("etag",), ("last-modified", "date"), ("content-type",)], ids=str
)
@_SIZES
def test_archive_is_stored_and_read_without_a_header_field(
    through_proxy: Storing, proxy: Proxy, names: tuple[str, ...], size: int
) -> None:
    proxy.strip("", *names)
    archive = sample(size)
    first = through_proxy.store(archive)
    assert first.checked in {Checked.STORE_CHECKSUM, Checked.READ_BACK}
    assert through_proxy.store(archive).key == first.key
    (stored,) = through_proxy.sink.list()
    assert through_proxy.sink.quick_check(stored) in {Checked.STORE_CHECKSUM, Checked.SIZE}
    with through_proxy.sink.open(stored, 10) as file:
        assert file.read() == archive.content.read(10, size)
    assert through_proxy.holds(archive)


def test_size_is_looked_up_in_the_list_if_head_does_not_say_it(
    through_proxy: Storing, proxy: Proxy
) -> None:
    archive = sample(1000)
    through_proxy.store(archive)
    proxy.strip("^HEAD", "content-length")
    proxy.rewrite("^HEAD", lambda reply: reply.headers.update({"transfer-encoding": "chunked"}))
    assert through_proxy.store(archive).size == 1000
    (stored,) = through_proxy.sink.list()
    assert through_proxy.sink.quick_check(stored)
    _replaced(proxy, "list-type=2", "<Contents>.*</Contents>")
    with pytest.raises(InvalidAnswerError, match="does not say how large"):
        through_proxy.sink.quick_check(stored)


@pytest.mark.parametrize(
    "text", first_quick(["", "yesterday", "0001-01-01T00:00:00Z", "-1", "99999999999999"])
)
def test_odd_dates_stop_nothing(through_proxy: Storing, proxy: Proxy, text: str) -> None:
    def odd(reply: Reply) -> None:
        reply.headers |= {"date": text, "last-modified": text}
        reply.body = re.sub(
            rb"<LastModified>.*?<", b"<LastModified>" + text.encode() + b"<", reply.body
        )
        reply.body = re.sub(rb"<Initiated>.*?<", b"<Initiated>" + text.encode() + b"<", reply.body)

    proxy.rewrite("", odd)
    with pytest.raises(TransientError, match="stopped"):
        through_proxy.store(sample(arrived=3 * PART, error=TransientError("It stopped.")))
    (stray,) = through_proxy.sink.strays()
    assert (stray.kind, stray.since) == (StrayKind.UNFINISHED, None)
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)
    assert list(through_proxy.listed()) == [archive.key]
    assert list(through_proxy.sink.check())


def test_etags_that_a_proxy_made_weak_are_those_of_the_store(
    through_proxy: Storing, proxy: Proxy
) -> None:
    def weak(reply: Reply) -> None:
        if etag := reply.headers.get("etag"):
            reply.headers["etag"] = f"W/{etag}"

    proxy.rewrite("", weak)
    archive = sample()
    assert through_proxy.store(archive).checked is Checked.STORE_CHECKSUM
    (stored,) = through_proxy.sink.list()
    proxy.fail("GET " + r"[^?]*\.zip$", "cut answer")
    with through_proxy.sink.open(stored) as file:
        assert file.read() == archive.content.read(0, SEVERAL)
    assert through_proxy.holds(archive)


def test_etags_that_a_proxy_changed_altogether_are_looked_up_in_the_list(
    through_proxy: Storing, proxy: Proxy
) -> None:
    proxy.rewrite("partNumber=", lambda reply: reply.headers.update(etag='"changed"'))
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)
    assert through_proxy.bucket.uploads() == []


def test_reading_goes_on_without_an_etag_but_not_in_an_object_of_another_size(
    through_proxy: Storing, proxy: Proxy
) -> None:
    archive = sample()
    through_proxy.store(archive)
    (stored,) = through_proxy.sink.list()
    proxy.strip("^GET", "etag")
    proxy.fail(r"GET [^?]*\.zip$", "cut answer", times=2)
    with through_proxy.sink.open(stored) as file:
        file.read(1)
        assert file.read() == archive.content.read(1, SEVERAL)
        file.close()
    with through_proxy.sink.open(stored) as file:
        proxy.faults[0].done = 1
        file.read(1)
    proxy.faults[0].done = 1
    with through_proxy.sink.open(stored) as file:
        file.read(1)
        through_proxy.bucket.write(archive.key, b"x" * (SEVERAL + 1))
        with pytest.raises(NotFoundError, match="replaced"):
            file.read()


def test_answer_without_a_length_is_understood_or_refused_in_words(
    through_proxy: Storing, proxy: Proxy
) -> None:
    archive = sample(1000)
    through_proxy.store(archive)
    (stored,) = through_proxy.sink.list()
    proxy.strip(f"^GET .*{_ARCHIVE}", "content-range")
    with through_proxy.sink.open(stored) as file:
        assert file.read() == archive.content.read(0, 1000)
    with pytest.raises(InvalidAnswerError, match="whole objects only"):
        through_proxy.sink.open(stored, 10)


def test_upload_without_an_id_is_refused_in_words(through_proxy: Storing, proxy: Proxy) -> None:
    _replaced(proxy, r"POST .*\?uploads", "<UploadId>.*</UploadId>")
    with pytest.raises(InvalidAnswerError, match="gave it no id"):
        through_proxy.store(sample())


@pytest.mark.parametrize("names", first_quick(["ETag", "Size", "PartNumber", "LastModified"]))
def test_parts_that_are_listed_with_gaps_are_compared_or_sent_again(
    through_proxy: Storing, proxy: Proxy, names: str
) -> None:
    with pytest.raises(TransientError, match="stopped"):
        through_proxy.store(sample(arrived=3 * PART, error=TransientError("It stopped.")))
    _replaced(proxy, r"GET .*uploadId=", f"<{names}>[^<]*</{names}>")
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)


def test_page_of_something_else_is_no_answer_of_a_store(
    through_proxy: Storing, proxy: Proxy
) -> None:
    through_proxy.set(retries=0)

    def page(reply: Reply) -> None:
        reply.status, reply.body = 200, b"<html><p>Please log in.<br></html>"
        reply.headers["content-type"] = "text/html"

    proxy.rewrite("^GET", page)
    with pytest.raises(TransientError, match="not S3") as caught:
        through_proxy.listed()
    assert "login page" in caught.value.hint


def test_objects_that_are_listed_without_a_size_are_left_out(
    bucket: Bucket, through_proxy: Storing, proxy: Proxy
) -> None:
    archive = sample(1000)
    through_proxy.store(archive)
    bucket.write("folder/", b"")
    _replaced(proxy, "list-type=2", f"<Key>{PREFIX}folder/</Key>", f"<Key>{PREFIX}</Key>")
    assert list(through_proxy.listed()) == [archive.key]
    assert list(through_proxy.sink.strays()) == []
