"""Stores that refuse what others take: parameters, requests, uploads that were begun."""

import re
from collections.abc import Callable, Sequence
from email.message import Message
from urllib.parse import unquote

import pytest
from tests.speed import first_quick

from labferry.sdk import (
    Checked,
    HeldError,
    InvalidAnswerError,
    LabferryError,
    RefusedError,
    Severity,
    TransientError,
)

from .bucket import PART, Bucket
from .proxy import Proxy, Reply
from .storing import SEVERAL, Storing, sample

_SIZES = pytest.mark.parametrize("size", [1000, SEVERAL], ids=["small", "in-parts"])
_LISTS_PARTS = r"^GET .*uploadId="
_LISTS_UPLOADS = r"^GET .*[?&]uploads"
_COMPLETE = r"^POST .*uploadId="


def _error(status: int, code: str, words: str = "No.") -> Callable[[Reply], None]:
    def change(reply: Reply) -> None:
        reply.status = status
        reply.headers = {"content-type": "application/xml"}
        reply.body = f"<Error><Code>{code}</Code><Message>{words}</Message></Error>".encode()
        if reply.request.startswith("HEAD"):
            reply.body = b""
            reply.headers["content-length"] = "0"

    return change


def _refuse_header(proxy: Proxy, match: str, header: str, status: int, code: str) -> Sequence[str]:
    """Refuse what has a header field that the store does not know; returns what was refused."""
    refused: list[str] = []

    def is_refused(request: str, head: Message) -> bool:
        if header not in head or not re.search(match, request):
            return False
        refused.append(request)
        return True

    proxy.refuse(is_refused, status, code)
    return refused


def _interrupt(storing: Storing) -> None:
    with pytest.raises(TransientError, match="stopped"):
        storing.store(sample(arrived=3 * PART, error=TransientError("It stopped.")))


@_SIZES
def test_checksum_mode_that_is_refused_is_not_asked_for_again(
    through_proxy: Storing, proxy: Proxy, size: int
) -> None:
    """As Backblaze B2 did."""
    refused = _refuse_header(proxy, "^HEAD", "x-amz-checksum-mode", 400, "InvalidRequest")
    for job in ("1", "2"):
        archive = sample(size, job=job)
        through_proxy.store(archive)
    assert len(through_proxy.listed()) == 2
    assert len(refused) == 1


@pytest.mark.parametrize(
    ("match", "header"),
    [
        (r"^PUT .*\.(zip|json)$", "if-none-match"),
        (r"^PUT .*\.(zip|json)$", "x-amz-checksum-crc32"),
        (r"^POST .*\?uploads", "x-amz-checksum-algorithm"),
        (_COMPLETE, "if-none-match"),
    ],
)
@pytest.mark.parametrize(
    ("status", "code"),
    first_quick(
        [(400, "InvalidArgument"), (400, "Whatever"), (501, "NotImplemented"), (501, "A header")]
    ),
)
def test_parameter_that_the_store_does_not_know_is_left_out(
    through_proxy: Storing, proxy: Proxy, match: str, header: str, status: int, code: str
) -> None:
    refused = _refuse_header(proxy, match, header, status, code)
    for job, size in (("1", 1000), ("2", SEVERAL), ("3", SEVERAL)):
        through_proxy.store(sample(size, job=job))
    assert len(through_proxy.listed()) == 3
    assert len(refused) == 1


def test_part_that_arrives_cut_short_is_sent_again(through_proxy: Storing, proxy: Proxy) -> None:
    for code in ("IncompleteBody", "RequestTimeout"):
        proxy.fail(r"PUT .*partNumber=2", "answer", status=400, code=code)
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)
    assert len(proxy.asked("partNumber=2")) == 3


def test_store_that_is_busy_for_long_is_for_the_core_to_try_again(
    through_proxy: Storing, proxy: Proxy
) -> None:
    proxy.fail(r"PUT .*partNumber=2", "answer", times=99, headers={"Retry-After": "3600"})
    with pytest.raises(TransientError, match="slow down") as caught:
        through_proxy.store(sample())
    assert caught.value.retry_after == 3600
    assert len(proxy.asked("partNumber=2")) == 1
    proxy.faults.clear()
    through_proxy.store(sample())
    assert through_proxy.holds(sample())


@pytest.mark.parametrize(
    ("status", "code"),
    first_quick(
        [
            *((501, "NotImplemented"), (405, "MethodNotAllowed"), (404, "NoSuchUpload")),
            *(
                (400, "InvalidArgument"),
                (403, "AccessDenied"),
                (500, "InternalError"),
                (418, "Odd"),
            ),
        ]
    ),
)
def test_upload_whose_parts_are_not_listed_begins_anew(
    through_proxy: Storing, proxy: Proxy, status: int, code: str
) -> None:
    through_proxy.set(retries=1)
    _interrupt(through_proxy)
    proxy.rewrite(_LISTS_PARTS, _error(status, code))
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)
    assert through_proxy.bucket.uploads() == []


@pytest.mark.parametrize("status", first_quick([502, 503, 429]))
def test_upload_is_kept_if_the_store_is_only_busy(
    through_proxy: Storing, proxy: Proxy, status: int
) -> None:
    through_proxy.set(retries=0)
    _interrupt(through_proxy)
    sent = len(proxy.asked("PUT .*partNumber="))
    proxy.fail(_LISTS_PARTS, "answer", status=status, code="Whatever")
    with pytest.raises(TransientError):
        through_proxy.store(sample())
    through_proxy.store(sample())
    assert through_proxy.holds(sample())
    assert len(proxy.asked("PUT .*partNumber=")) - sent == 2


def test_upload_is_kept_if_no_other_can_be_begun(through_proxy: Storing, proxy: Proxy) -> None:
    through_proxy.set(retries=0)
    _interrupt(through_proxy)
    note = through_proxy.note.load()
    proxy.fail(_LISTS_PARTS, "answer", status=500, code="InternalError")
    proxy.fail(r"POST .*\?uploads", "answer", status=500, code="InternalError")
    with pytest.raises(TransientError):
        through_proxy.store(sample())
    assert through_proxy.note.load() == note
    through_proxy.store(sample())
    assert through_proxy.holds(sample())


@pytest.mark.parametrize(
    ("status", "code"),
    first_quick(
        [
            *((400, "InvalidPart"), (404, "NoSuchUpload"), (400, "EntityTooSmall")),
            *((400, "InvalidPartOrder"), (400, "Whatever")),
        ]
    ),
)
def test_upload_that_can_not_be_completed_is_removed_and_begun_anew(
    through_proxy: Storing, proxy: Proxy, status: int, code: str
) -> None:
    proxy.fail(_COMPLETE, "answer", times=2, status=status, code=code)
    with pytest.raises((TransientError, InvalidAnswerError)):
        through_proxy.store(sample())
    assert through_proxy.bucket.uploads() == []
    assert through_proxy.note.load() == {}
    proxy.faults.clear()
    through_proxy.store(sample())
    assert through_proxy.holds(sample())


def test_upload_that_is_gone_for_its_parts_begins_anew(
    through_proxy: Storing, proxy: Proxy
) -> None:
    """Also if the store goes on to list its parts."""
    proxy.fail("PUT .*partNumber=3", "answer", status=404, code="NoSuchUpload")
    with pytest.raises(TransientError):
        through_proxy.store(sample())
    assert len(proxy.asked("PUT .*partNumber=3")) == 1
    assert through_proxy.note.load() == {}
    through_proxy.store(sample())
    assert through_proxy.holds(sample())


@pytest.mark.parametrize(
    ("status", "code"),
    first_quick([(404, "NoSuchUpload"), (501, "NotImplemented"), (400, "InvalidArgument")]),
)
def test_uploads_that_the_store_does_not_list_are_asked_for_once(
    through_proxy: Storing, proxy: Proxy, status: int, code: str
) -> None:
    proxy.rewrite(_LISTS_UPLOADS, _error(status, code))
    for job in ("1", "2", "3"):
        through_proxy.store(sample(1000, job=job))
    assert list(through_proxy.sink.strays()) == []
    said = [finding.message for finding in through_proxy.sink.check()]
    assert any("does not list unfinished uploads" in message for message in said)
    assert len(proxy.asked(_LISTS_UPLOADS)) == 1


def test_tidying_up_costs_one_request_if_the_store_is_busy(
    through_proxy: Storing, proxy: Proxy
) -> None:
    proxy.fail(_LISTS_UPLOADS, "answer", times=99)
    through_proxy.store(sample(1000))
    assert len(proxy.asked(_LISTS_UPLOADS)) == 1


_HELD = [
    (403, "RetentionPolicyNotMet", "Object is subject to bucket's retention policy."),
    (403, "ObjectUnderActiveHold", "Object is under active Event-Based hold."),
    (400, "InvalidRequest", "Object is WORM protected and cannot be overwritten"),
    (400, "ObjectLocked", "The object is locked."),
    (403, "AccessDenied", "Access Denied because object protected by object lock."),
]


@pytest.mark.parametrize(("status", "code", "words"), first_quick(_HELD))
def test_delete_of_what_is_protected_is_no_failure_but_a_hold(
    through_proxy: Storing, proxy: Proxy, status: int, code: str, words: str
) -> None:
    archive = sample(1000)
    through_proxy.store(archive)
    (stored,) = through_proxy.sink.list()
    proxy.fail("^DELETE", "answer", times=99, status=status, code=code, words=words)
    with pytest.raises(HeldError, match="protects"):
        through_proxy.sink.delete(stored)
    assert through_proxy.holds(archive)
    for _ in range(2):
        findings = list(through_proxy.sink.check())
        assert [each for each in findings if each.severity is Severity.ERROR] == []
        assert any("protects what is written" in each.message for each in findings)


def test_check_goes_on_if_its_object_is_still_protected(
    through_proxy: Storing, proxy: Proxy
) -> None:
    status, code, words = _HELD[0]
    proxy.fail("^DELETE", "answer", times=99, status=status, code=code, words=words)
    assert list(through_proxy.sink.check())
    proxy.fail("^PUT .*labferry-check", "answer", status=status, code=code, words=words)
    said = [each.message for each in through_proxy.sink.check()]
    assert any("still protects the object labferry-check" in each for each in said)


@pytest.mark.parametrize(
    "words",
    [
        "User is not authorized to perform: s3:DeleteObject on resource arn:aws:s3:::object-lock/x",
        "x does not have storage.objects.delete access to object-lock/x.",
    ],
)
def test_delete_that_is_not_allowed_is_not_taken_for_a_hold(
    through_proxy: Storing, proxy: Proxy, words: str
) -> None:
    through_proxy.store(sample(1000))
    (stored,) = through_proxy.sink.list()
    proxy.fail("^DELETE", "answer", times=99, status=403, code="AccessDenied", words=words)
    with pytest.raises(RefusedError, match="s3:DeleteObject") as caught:
        through_proxy.sink.delete(stored)
    assert not isinstance(caught.value, HeldError)


def test_archive_that_is_protected_when_its_manifest_is_gone_is_reported(
    through_proxy: Storing, proxy: Proxy
) -> None:
    through_proxy.store(sample(1000))
    (stored,) = through_proxy.sink.list()
    proxy.fail(
        r"^DELETE .*\.zip$", "answer", status=403, code="RetentionPolicyNotMet", words="Wait."
    )
    with pytest.raises(RefusedError) as caught:
        through_proxy.sink.delete(stored)
    assert not isinstance(caught.value, HeldError)
    through_proxy.sink.delete(stored)
    assert through_proxy.bucket.names() == {}


@pytest.mark.parametrize(
    ("status", "code", "words"),
    first_quick(
        [
            (400, "ExpiredToken", "session token"),
            (400, "InvalidToken", "session token"),
            (400, "AuthorizationHeaderMalformed", "another region"),
            (403, "InvalidAccessKeyId", "access key"),
            (403, "SignatureDoesNotMatch", "secret access key"),
            (403, "RequestTimeTooSkewed", "clock"),
            (301, "PermanentRedirect", "another region"),
        ]
    ),
)
def test_refusal_has_the_same_words_wherever_it_is_met_first(
    through_proxy: Storing, proxy: Proxy, status: int, code: str, words: str
) -> None:
    proxy.rewrite("", _error(status, code))
    attempts: list[Callable[[], object]] = [
        lambda: through_proxy.store(sample(1000)),
        through_proxy.listed,
        lambda: list(through_proxy.sink.check()),
        lambda: list(through_proxy.sink.strays()),
    ]
    for attempt in attempts:
        with pytest.raises(RefusedError, match=words) as caught:
            attempt()
        assert (caught.value.exit_code, code in str(caught.value)) == (5, True)
    assert len(proxy.requests) <= 20


def test_refusal_without_a_word_is_not_made_up(through_proxy: Storing, proxy: Proxy) -> None:
    """HEAD fails, listing works: nothing is known to be wrong, and the archive is stored."""
    proxy.rewrite("^HEAD", _error(400, ""))
    archive = sample(1000)
    through_proxy.store(archive)
    assert through_proxy.store(archive).checked in {Checked.READ_BACK, Checked.STORE_CHECKSUM}
    assert through_proxy.holds(archive)


def test_reason_of_a_store_is_redacted_shortened_and_on_one_line(
    through_proxy: Storing, proxy: Proxy, bucket: Bucket
) -> None:
    secret = bucket.store.secret_key
    proxy.rewrite("", _error(400, f"Odd {secret}&#10;", f"Key {secret}&#10;is odd." + "x" * 9999))
    with pytest.raises(LabferryError) as caught:
        through_proxy.listed()
    said = str(caught.value)
    assert secret not in unquote(said)
    assert "\n" not in said
    assert len(said) < 1000
    assert re.search("did not do what was asked", said)
