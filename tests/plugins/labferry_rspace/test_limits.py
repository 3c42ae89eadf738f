import httpx
import pytest

from labferry_rspace.throttling import asked_wait, retry_after, slot_wait

OFF = {
    "X-Rate-Limit-Limit": "10",
    "X-Rate-Limit-Remaining": "10.0",
    "X-Rate-Limit-WaitTimeMillis": "100",
}
USED_UP = {
    "X-Rate-Limit-Remaining": "12.0",
    "X-Rate-Limit-Remaining-hour": "0.4",
    "X-Rate-Limit-WaitTimeMillis": "7200",
}


def headers(*parts: dict[str, str]) -> httpx.Headers:
    return httpx.Headers({name: value for part in parts for name, value in part.items()})


def test_the_constant_headers_of_a_server_without_throttling_ask_for_nothing() -> None:
    assert asked_wait(headers(OFF)) == 0
    assert slot_wait(headers(OFF)) is None


def test_a_used_up_budget_of_any_bucket_asks_for_the_longest_wait() -> None:
    assert asked_wait(headers(USED_UP)) == 7.2
    assert slot_wait(headers(USED_UP)) == 7.2


@pytest.mark.parametrize(
    ("sent", "wait"),
    [
        ({}, None),
        ({"Retry-After": "17"}, 17),
        ({"X-Rate-Limit-WaitTimeMillis": "1500"}, 1.5),
        ({"X-Rate-Limit-WaitTimeMillis": "1500", "Retry-After": "1"}, 1.5),
        ({"X-Rate-Limit-WaitTimeMillis": "1500", "Retry-After": "3"}, 3),
        (
            {
                "Date": "Fri, 02 Jan 2026 03:04:05 GMT",
                "Retry-After": "Fri, 02 Jan 2026 03:05:00 GMT",
            },
            55,
        ),
        (
            {
                "Date": "Fri, 02 Jan 2026 03:04:05 GMT",
                "Retry-After": "Fri, 02 Jan 2026 03:00:00 GMT",
            },
            0,
        ),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"X-Rate-Limit-WaitTimeMillis": "NaN"}, None),
        ({"X-Rate-Limit-WaitTimeMillis": "1e300"}, 86400),
        ({"Retry-After": "1e300"}, 86400),
    ],
)
def test_after_a_refusal_the_longer_of_both_headers_counts(
    sent: dict[str, str], wait: float | None
) -> None:
    assert retry_after(headers(sent)) == wait
