"""Lists as some stores give them: cut short, without the latest version, of another kind."""

import re
from collections.abc import Callable

import pytest

from labferry.sdk import InvalidAnswerError

from .bucket import Bucket
from .proxy import Proxy, Reply
from .storing import Storing, sample

_VERSIONS = r"GET .*[?&]versions"
_LIST = r"GET .*[?&]list-type=2"


def _cut(tag: str, keep: int, *more: tuple[bytes, bytes]) -> Callable[[Reply], None]:
    """Leave the first elements of a kind in an answer, and replace what else is said."""
    pattern = re.compile(rb"<%b>.*?</%b>" % (tag.encode(), tag.encode()), re.DOTALL)

    def change(reply: Reply) -> None:
        for each in pattern.findall(reply.body)[keep:]:
            reply.body = reply.body.replace(each, b"", 1)
        for old, new in more:
            reply.body = re.sub(old, new, reply.body)

    return change


@pytest.fixture
def versioned(through_proxy: Storing, bucket: Bucket) -> Storing:
    """A bucket that keeps versions, reached through the proxy, with three archives."""
    bucket.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"}
    )
    for job in "123":
        through_proxy.store(sample(1000, job=job))
    return through_proxy


@pytest.mark.parametrize("keep", [0, 1])
def test_list_of_versions_that_is_cut_short_hides_nothing(
    versioned: Storing, proxy: Proxy, keep: int
) -> None:
    proxy.rewrite(_VERSIONS, _cut("Version", keep))
    listed = versioned.listed()
    assert set(listed) == {sample(1000, job=job).key for job in "123"}
    assert proxy.asked(_VERSIONS)
    assert sum(each.version_id is not None for each in listed.values()) <= keep
    for job in "123":
        archive = sample(1000, job=job)
        with versioned.sink.open(listed[archive.key]) as file:
            assert file.read() == archive.content.read(0, archive.size)


@pytest.mark.parametrize("said", [b"<IsLatest>false</IsLatest>", b""], ids=["false", "missing"])
def test_without_a_latest_version_what_is_visible_is_read(
    versioned: Storing, bucket: Bucket, proxy: Proxy, said: bytes
) -> None:
    archive = sample(1000, job="2")
    bucket.write(archive.key, b"something newer")
    proxy.rewrite(_VERSIONS, _cut("Version", 99, (rb"<IsLatest>true</IsLatest>", said)))
    stored = versioned.listed()[archive.key]
    assert stored.size == len(b"something newer")
    with versioned.sink.open(stored) as file:
        assert file.read() == b"something newer"


def test_store_that_takes_the_request_for_one_of_the_first_protocol_is_listed_to_its_end(
    versioned: Storing, proxy: Proxy
) -> None:
    """It ignores `list-type=2`, so that its answer names no token to go on with."""
    more = (
        (rb"<IsTruncated>false", b"<IsTruncated>true"),
        (rb"<KeyCount>\d+</KeyCount>", b""),
        (rb"<NextContinuationToken>.*?</NextContinuationToken>", b""),
    )
    proxy.rewrite(_LIST, _cut("Contents", 2, *more))
    assert set(versioned.listed()) == {sample(1000, job=job).key for job in "123"}
    assert proxy.asked(r"GET .*[?&]marker=")


def test_store_that_repeats_its_first_page_is_refused(versioned: Storing, proxy: Proxy) -> None:
    more = (
        (rb"<IsTruncated>false", b"<IsTruncated>true"),
        (rb"(<IsTruncated>)", rb"<NextContinuationToken>more</NextContinuationToken>\1"),
    )
    pages: list[bytes] = []

    def repeated(reply: Reply) -> None:
        _cut("Contents", 2, *more)(reply)
        pages.append(reply.body)
        reply.status, reply.body = 200, pages[0]

    proxy.rewrite(_LIST, repeated)
    with pytest.raises(InvalidAnswerError, match="repeats a part of the list"):
        versioned.listed()
