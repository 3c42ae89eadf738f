import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labferry.sdk import Secret
from labferry.sdk.quoting import quote
from labferry_rspace.answers import Answer, Problem
from labferry_rspace.problems import said

ERROR = {
    "status": "BAD_REQUEST",
    "httpCode": 400,
    "internalCode": 40002,
    "message": "Errors detected : 1",
    "messageCode": None,
    "errors": ["id: not a number"],
    "iso8601Timestamp": "2026-01-02T03:04:05Z",
    "data": {
        "validationErrors": [
            {"field": "id", "rejectedValue": "x", "objectName": "o", "message": "not a number"}
        ]
    },
}


def answer(status: int, document: object) -> Answer:
    return Answer(status, httpx.Headers(), json.dumps(document).encode())


def test_an_api_error_becomes_one_line_with_each_detail_once() -> None:
    problem = answer(400, ERROR).problem
    assert problem is not None
    assert problem.code == 40002
    assert problem.text == "Errors detected : 1: id: not a number"


@given(st.text())
def test_quoted_text_is_one_short_line_without_control_characters(text: str) -> None:
    quoted = quote(text)
    assert len(quoted) <= 300
    assert quoted.isprintable()


def test_quoted_text_does_not_contain_a_known_secret() -> None:
    Secret.plain("quiteASecretKey42").reveal()
    assert quote("the key quiteASecretKey42 is bad") == "the key *** is bad"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["message", "errors", "internalCode", "data", "validationErrors"]),
                inner,
            )
        ),
    )
)
def test_no_json_whatever_its_shape_breaks_the_reading_of_errors(document: object) -> None:
    problem = Problem.of(document)
    assert problem is None or len(problem.text) <= 300


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 9999])
def test_what_is_no_json_is_none(body: bytes) -> None:
    assert Answer(200, httpx.Headers(), body).json is None


def test_trap_12_the_words_of_a_401_about_a_key_are_not_repeated() -> None:
    unknown = {"message": "No user for API key beginning with 'a'", "internalCode": 40101}
    assert said(answer(401, unknown)) == ""
    missing = {"message": "Nothing about it", "internalCode": 40101}
    assert said(answer(401, missing)) == ""
    forbidden = {"message": "pi is not authorised to: Export a user or group", "internalCode": 1}
    assert "Export a user or group" in said(answer(401, forbidden))
