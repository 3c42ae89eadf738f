import pytest

from labferry.sdk import InvalidAnswerError
from labferry_rspace.address import Address
from labferry_rspace.routing import Target, redirect, route

HERE = Address.parse("https://rspace.example.edu")
NAME = "RSpace-2026-01-02-03-04-xml-alice--_abc.zip"
OWN = f"https://rspace.example.edu/api/v1/export/{NAME}"
S3 = f"https://bucket.s3.example.com/{NAME}?X-Amz-Signature=abc"


def went(target: Target) -> tuple[str, bool]:
    return str(target.url), target.keyed


@pytest.mark.parametrize(
    "link",
    [
        OWN,
        f"https://internal:8443/api/v1/export/{NAME}",
        f"http://internal//api/v1/export/{NAME}",
        f"http://rspace.example.edu/api/v1/export/{NAME}",
    ],
)
def test_trap_10_the_key_goes_to_the_configured_origin_whatever_the_prefix(link: str) -> None:
    assert went(route(HERE, link)) == (OWN, True)


@pytest.mark.parametrize(
    "link",
    [
        S3,
        "https://rspace.example.edu/minio/exports/a.zip?X-Amz-Signature=abc",
        "https://evil.example.com/?x=/api/v1/export/a.zip",
        "https://rspace.example.edu.evil.example.com/a.zip",
        "https://rspace.example.edu:444/a.zip",
    ],
)
def test_trap_10_no_key_goes_anywhere_else(link: str) -> None:
    assert went(route(HERE, link)) == (link, False)


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("http://bucket.s3.example.com/a.zip", "not encrypted"),
        ("https://user:pw@bucket.example.com/a.zip", "user name"),
        (f"https://user:pw@rspace.example.edu/api/v1/export/{NAME}", "user name"),
        ("ftp://bucket.example.com/a.zip", "not a web address"),
        ("file:///etc/passwd", "not a web address"),
        ("/api/v1/export/a.zip", "not a web address"),
        ("https://[", "not a web address"),
        ("", "not a web address"),
    ],
)
def test_links_that_are_not_followed(link: str, told: str) -> None:
    with pytest.raises(InvalidAnswerError, match=told) as caught:
        route(HERE, link)
    assert "pw" not in str(caught.value)


def test_other_places_may_be_unencrypted_where_the_server_itself_is() -> None:
    there = Address.parse("http://127.0.0.1:8080")
    assert went(route(there, "http://127.0.0.1:9000/a.zip")) == (
        "http://127.0.0.1:9000/a.zip",
        False,
    )


def test_a_redirect_within_the_api_keeps_the_key() -> None:
    start = route(HERE, OWN)
    assert went(redirect(HERE, start, "/api/v1/export/other.zip")) == (
        "https://rspace.example.edu/api/v1/export/other.zip",
        True,
    )


@pytest.mark.parametrize(
    "location",
    [
        S3,
        "https://rspace.example.edu/login",
        f"https://internal/api/v1/export/{NAME}",
        f"https://rspace.example.edu:444/api/v1/export/{NAME}",
    ],
)
def test_trap_10_a_redirect_elsewhere_loses_the_key(location: str) -> None:
    assert went(redirect(HERE, route(HERE, OWN), location)) == (location, False)


def test_trap_10_a_redirect_back_does_not_regain_the_key() -> None:
    away = redirect(HERE, route(HERE, OWN), S3)
    assert went(redirect(HERE, away, OWN)) == (OWN, False)


@pytest.mark.parametrize(
    "location",
    [
        "http://bucket.example.com/a.zip",
        f"http://internal:8080/api/v1/export/{NAME}",
        f"http://rspace.example.edu/api/v1/export/{NAME}",
        "https://me@bucket.example.com/",
        "mailto:x",
        "https://[",
    ],
)
def test_redirects_that_are_not_followed(location: str) -> None:
    with pytest.raises(InvalidAnswerError):
        redirect(HERE, route(HERE, OWN), location)


def test_a_redirect_from_https_to_http_is_not_followed_even_if_the_server_itself_is_http() -> None:
    there = Address.parse("http://127.0.0.1:8080")
    away = redirect(there, route(there, "http://127.0.0.1:8080/api/v1/export/a.zip"), S3)
    with pytest.raises(InvalidAnswerError, match="not encrypted"):
        redirect(there, away, "http://bucket.example.com/a.zip")


def test_a_place_is_shown_without_its_signature() -> None:
    assert route(HERE, S3).place == f"https://bucket.s3.example.com/{NAME}"
