"""Times and numbers in headers: whatever a server writes, no unexpected exception comes of it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labferry.sdk.http_headers import (
    LONGEST_WAIT,
    content_range,
    date,
    length,
    moment,
    number,
    retry_after,
    server_clock,
)

DATE = "Tue, 24 Nov 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("5", 5), ("1.5", 1.5), ("0", 0), ("-1", None), ("soon", None), ("", None)),
        *(("1e9", LONGEST_WAIT), ("9" * 400, None), ("nan", None), ("inf", None)),
        *(("Tue, 24 Nov 2026 00:01:00 GMT", 60), ("Mon, 23 Nov 2026 00:00:00 GMT", 0)),
        *(("Fri, 31 Dec 9999 23:59:59 GMT", None), ("Fri, 31 Dec 2100 23:59:59 GMT", LONGEST_WAIT)),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text, "date": DATE}) == seconds


def test_retry_after_counts_from_this_machines_clock_if_the_servers_is_nonsense() -> None:
    headers = {"retry-after": "Tue, 24 Nov 2015 00:00:00 GMT", "date": "Fri, 31 Dec 9999"}
    assert retry_after(headers) == 0


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "0", "Fri, 31 Dec 9999 23:59:59 -1200", "Sat, 01 Jan 1700 00:00:00 +1400"),
        *("Tue, 24 Nov 99999999999999999999 00:00:00 GMT", "Tue, 99 Foo 2026 99:99:99 GMT"),
        *("Tue, 24 Nov 2026 00:00:00 +99999999999999", ", ,", "\x00", "1 2 3 4 5 6 7"),
    ],
)
def test_date_that_can_not_be_meant_is_none(text: str) -> None:
    assert moment(text) is None
    assert server_clock({"date": text}) is None
    assert abs((date({"date": text}) - datetime.now(UTC)).total_seconds()) < 60


@given(
    st.text()
    | st.from_regex(r"\w{3}, \d{1,30} \w{3} \d{1,30} \d{1,9}:\d{1,9}:\d{1,9} [+-]?\w{1,20}")
    | st.from_regex(r"[0-9eE+._-]{1,30}")
)
def test_no_text_is_an_unexpected_error(text: str) -> None:
    headers = dict.fromkeys(["retry-after", "date", "content-length", "content-range"], text)
    wait = retry_after(headers)
    assert wait is None or 0 <= wait <= LONGEST_WAIT
    assert date(headers).tzinfo is UTC
    assert (number(text) or 0) >= 0
    assert (length(headers) or 0) >= 0
    content_range(headers)


@pytest.mark.parametrize(
    ("text", "range_"),
    [
        ("bytes 5-9/10", (5, 10)),
        ("bytes 5-9/*", (5, None)),
        *((text, (None, None)) for text in ("", "bytes */10", "bytes 5-9/1" + "0" * 4300)),
    ],
)
def test_content_range(text: str, range_: tuple[int | None, int | None]) -> None:
    assert content_range({"content-range": text}) == range_
