import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labferry.sdk import http_address
from labferry_rspace.address import Address

_NOTHING = re.compile(r"(?!)")
HERE = Address.parse("https://rspace.example.edu")


@pytest.mark.parametrize(
    "link",
    [
        "https://rspace.example.edu/api/v1/jobs/23",
        "http://internal:8080/api/v1/jobs/23",
        "https://internal//api/v1/jobs/23",
        "https://internal/context/api/v1/jobs/23",
    ],
)
def test_links_are_read_at_the_configured_address_whatever_the_prefix(link: str) -> None:
    assert HERE.rebase(link) == "https://rspace.example.edu/api/v1/jobs/23"


def test_a_rebased_link_keeps_its_query() -> None:
    link = "http://internal/api/v1/documents?query=a%20b&pageNumber=1"
    there = Address.parse("https://lab.example.edu/notebook").rebase(link)
    assert there == ("https://lab.example.edu/notebook/api/v1/documents?query=a%20b&pageNumber=1")


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://evil.example.com/",
        "https://evil.example.com/?x=/api/v1/jobs/1",
        "https://user:pw@rspace.example.edu/api/v1/jobs/1",
        "https://[/api/v1/jobs/1",
        "https://rspace.example.edu/api/v1/",
    ],
)
def test_what_is_no_link_to_the_api_is_not_rebased(link: str) -> None:
    assert HERE.rebase(link) is None


def test_rebasing_never_leaves_the_api() -> None:
    rebased = HERE.rebase("https://internal/api/v1/../../login")
    assert rebased is None


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://rspace.example.edu", "rspace.example.edu"),
        ("https://rspace.example.edu:443", "rspace.example.edu"),
        ("https://rspace.example.edu:8443", "rspace.example.edu:8443"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_the_host_has_its_port_where_it_is_not_the_usual_one(url: str, host: str) -> None:
    assert Address.parse(url).host == host


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        ("https://rspace.example.edu", False),
        ("http://rspace.example.edu", True),
        ("http://127.0.0.1:8080", False),
        ("http://[::1]", False),
        ("http://localhost", False),
    ],
)
def test_http_is_exposed_except_on_loopback(url: str, exposed: bool) -> None:  # noqa: FBT001 - a table
    assert Address.parse(url).is_exposed is exposed


@given(
    st.from_regex(http_address._PLAIN, fullmatch=True)
    | st.from_regex(r"https?://[a-zA-Z0-9.-]{1,9}(:[0-9]{1,6})?(/[a-z0-9._%~-]{0,8}){0,3}/?")
    | st.from_regex(r"https?://api(:443|:80|:8080)?(/api/v1|/api)?(/api/v1)?/?", fullmatch=True)
)
def test_a_plain_address_is_read_as_any_other_is(text: str) -> None:
    def read() -> str:
        try:
            return Address.parse(text).base
        except ValueError as error:
            return f"not {error}"

    read_plain = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_address, "_PLAIN", _NOTHING)
        assert read() == read_plain
