import re
import time

import pytest
from tests.speed import first_quick

from labferry.sdk import (
    AnswerLostError,
    NotFoundError,
    RefusedError,
    StoppedError,
    TransientError,
)
from labferry.sdk.waiting import interruptible

from .proxy import Proxy
from .storing import SEVERAL, Storing, sample

_PART = r"PUT .*partNumber=2"
_COMPLETE = r"POST .*uploadId="


@pytest.mark.parametrize("status", first_quick([500, 502, 503, 504, 429]))
def test_part_that_the_server_fails_is_sent_again(
    through_proxy: Storing, proxy: Proxy, status: int
) -> None:
    proxy.fail(_PART, "answer", status=status, code="InternalError")
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)
    assert len(proxy.asked(_PART)) == 2


@pytest.mark.parametrize("action", first_quick(["reset", "lose answer", "flip"]))
def test_part_lost_or_damaged_on_its_way_is_sent_again(
    through_proxy: Storing, proxy: Proxy, action: str
) -> None:
    proxy.fail(_PART, action)  # type: ignore[arg-type]
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)
    assert len(proxy.asked(_PART)) == 2


def test_part_is_bound_to_its_signature_by_its_md5(through_proxy: Storing, proxy: Proxy) -> None:
    archive = sample()
    through_proxy.store(archive)
    (part,) = [head for asked, head in proxy.heads.items() if "partNumber=2" in asked]
    assert "content-md5" in part["Authorization"].partition("SignedHeaders=")[2].split(",")[0]
    assert part["X-Amz-Content-SHA256"] == "UNSIGNED-PAYLOAD"
    (manifest,) = [head for asked, head in proxy.heads.items() if re.match("PUT .*json", asked)]
    assert re.fullmatch("[0-9a-f]{64}", manifest["X-Amz-Content-SHA256"])


def test_part_that_somebody_changed_on_its_way_is_refused(
    through_proxy: Storing, proxy: Proxy
) -> None:
    proxy.fail(_PART, "forge")
    with pytest.raises(RefusedError):
        through_proxy.store(sample())
    assert through_proxy.listed() == {}


def test_part_that_the_server_does_not_take_is_sent_on_another_connection(
    through_proxy: Storing, proxy: Proxy
) -> None:
    proxy.fail(_PART, "stall")
    through_proxy.set(timeout="2s", retries=8)
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)


def test_busy_store_is_left_alone_as_long_as_it_asks(through_proxy: Storing, proxy: Proxy) -> None:
    proxy.fail(_PART, "answer", times=9, headers={"Retry-After": "120"})
    through_proxy.set(retries=0)
    with pytest.raises(TransientError, match="slow down") as caught:
        through_proxy.store(sample())
    assert caught.value.retry_after == 120
    assert through_proxy.listed() == {}


@pytest.mark.parametrize("what", [_PART, r"POST .*uploads", r"HEAD "])
def test_pause_that_a_store_asks_for_ends_with_the_run(
    through_proxy: Storing, proxy: Proxy, what: str
) -> None:
    proxy.fail(what, "answer", times=9, headers={"Retry-After": "19"})
    begun = time.monotonic()

    def check() -> None:
        if proxy.faults[0].done:
            raise StoppedError(15)

    with interruptible(check), pytest.raises(StoppedError):
        through_proxy.store(sample())
    assert time.monotonic() - begun < 15


def test_parts_that_arrived_before_a_failure_are_not_sent_again(
    through_proxy: Storing, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labferry_s3.window._GRACE_SECONDS", 60)  # however busy this machine is
    through_proxy.set(retries=0)
    proxy.fail(r"partNumber=5", "answer")
    with pytest.raises(TransientError):
        through_proxy.store(sample())
    sent = len(proxy.asked("partNumber="))
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)
    assert len(proxy.asked("partNumber=")) == sent + 1


@pytest.mark.parametrize("retries", first_quick([0, 2]))
def test_lost_answer_to_the_completion_is_no_failure(
    through_proxy: Storing, proxy: Proxy, retries: int
) -> None:
    through_proxy.set(retries=retries)
    proxy.fail(_COMPLETE, "lose answer")
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)
    assert len(proxy.asked("partNumber=")) == 5


@pytest.mark.parametrize("retries", [0, 2])
def test_lost_answer_to_a_small_archive_is_no_failure(
    through_proxy: Storing, proxy: Proxy, retries: int
) -> None:
    through_proxy.set(retries=retries)
    proxy.fail(r"PUT .*\.zip$", "lose answer")
    proxy.fail(r"PUT .*\.json$", "lose answer")
    archive = sample(1000)
    through_proxy.store(archive)
    assert through_proxy.holds(archive)


def test_completion_that_never_happened_is_made_by_the_next_store(
    through_proxy: Storing, proxy: Proxy
) -> None:
    through_proxy.set(retries=0)
    proxy.fail(_COMPLETE, "reset")
    with pytest.raises(TransientError):
        through_proxy.store(sample())
    assert through_proxy.listed() == {}
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)
    assert archive.bytes_read == 0


def test_reading_goes_on_after_the_connection_broke(through_proxy: Storing, proxy: Proxy) -> None:
    archive = sample()
    through_proxy.store(archive)
    (stored,) = through_proxy.sink.list()
    proxy.fail(r"GET [^?]*\.zip$", "cut answer", times=2)
    with through_proxy.sink.open(stored, 1000) as file:
        assert file.read() == archive.content.read(1000, SEVERAL)


def test_reading_ends_when_the_object_is_replaced_meanwhile(
    through_proxy: Storing, proxy: Proxy
) -> None:
    archive = sample()
    through_proxy.store(archive)
    (stored,) = through_proxy.sink.list()
    proxy.fail(r"GET [^?]*\.zip$", "cut answer")
    with through_proxy.sink.open(stored) as file:
        file.read(1)
        through_proxy.bucket.write(archive.key, b"x" * SEVERAL)
        with pytest.raises(NotFoundError, match="replaced"):
            file.read()


def test_nothing_that_goes_wrong_for_good_is_called_stored(
    through_proxy: Storing, proxy: Proxy
) -> None:
    through_proxy.set(retries=0)
    for match in (r"POST .*uploads", _PART, _COMPLETE, r"HEAD ", r"PUT .*\.json"):
        proxy.fail(match, "answer", code="InternalError", status=500)
        with pytest.raises(TransientError) as caught:
            through_proxy.store(sample())
        assert not isinstance(caught.value, AnswerLostError)
        assert through_proxy.listed() == {}
    assert all(fault.done for fault in proxy.faults)
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)
