"""The keys that every destination has."""

import json
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from labferry.sdk import Encrypt, Retention, SinkSettings, Verify


class _Choosy(SinkSettings):
    """A kind of destination that offers a choice."""

    upload_checks: ClassVar[frozenset[str]] = frozenset({"readback", "size"})


def _read(**keys: object) -> SinkSettings:
    return SinkSettings.model_validate({"type": "box", **keys})


def test_a_destination_needs_its_type_only() -> None:
    settings = _read()
    assert settings.required
    assert settings.bandwidth_limit is None
    assert (settings.retention, settings.verify, settings.encrypt) == (None, None, None)


def test_a_bandwidth_limit_is_a_rate_worth_having() -> None:
    assert _read(bandwidth_limit="20 MB/s").bandwidth_limit == 20_000_000
    with pytest.raises(ValidationError, match="1024"):
        _read(bandwidth_limit="100 B/s")


def test_a_retention_keeps_something() -> None:
    assert _read(retention={"keep_last": 3}).retention == Retention(keep_last=3)
    assert _read(retention={"keep_within": "30d"}).retention == Retention(
        keep_within=timedelta(days=30)
    )
    for nothing in ({}, {"keep_last": 0}, {"keep_daily": -1}, {"keep_within": "0s"}):
        with pytest.raises(ValidationError):
            _read(retention=nothing)


def test_reading_back_has_a_time_and_may_have_a_budget() -> None:
    verify = _read(verify={"every": "30d", "budget": "200 GB"}).verify
    assert verify == Verify(every=timedelta(days=30), budget=200_000_000_000)
    for wrong in ({"budget": "1 GB"}, {"every": "0s"}, {"every": "30d", "budget": "0 B"}):
        with pytest.raises(ValidationError):
            _read(verify=wrong)


def _choose(**keys: object) -> _Choosy:
    text = json.dumps({"type": "box", **keys})
    return _Choosy.model_validate_json(text, strict=True)


def test_a_destination_that_offers_a_choice_says_how_uploads_are_checked() -> None:
    assert _choose().upload_check is None
    assert _choose(upload_check="size").upload_check == "size"
    with pytest.raises(ValidationError, match="one of readback, size"):
        _choose(upload_check="trust")


@pytest.mark.parametrize(
    "earlier", ["size", {"upload": "size"}, {"upload": "size", "every": "30d"}], ids=str
)
def test_the_form_of_earlier_versions_says_the_same(earlier: object) -> None:
    assert _choose(verify=earlier).upload_check == "size"
    assert _choose(verify=earlier, upload_check="size").upload_check == "size"
    with pytest.raises(ValidationError, match="`verify` and `upload_check` to agree"):
        _choose(verify=earlier, upload_check="readback")
    with pytest.raises(ValidationError, match="one of readback, size"):
        _choose(verify="trust")


def test_a_plugin_that_reads_the_earlier_key_finds_it() -> None:
    assert _choose(upload_check="size").verify == Verify(upload="size")
    every = {"every": "30d"}
    expected = Verify(upload="size", every=timedelta(days=30))
    assert _choose(upload_check="size", verify=every).verify == expected
    assert _choose(verify={"upload": "size", **every}).verify == expected
    assert _choose(verify=every).verify == Verify(every=timedelta(days=30))
    assert _choose().verify is None


def test_how_uploads_are_checked_is_not_for_choice_everywhere() -> None:
    for keys in ({"verify": "size"}, {"upload_check": "size"}):
        with pytest.raises(ValidationError, match="offers no choice"):
            _read(**keys)


def test_a_plugin_may_have_a_key_of_that_name_for_itself() -> None:
    class Own(SinkSettings):
        upload_check: int = 3  # type: ignore[assignment]  # as it was free
        """How often an upload is checked."""

    assert Own(type="own").upload_check == 3
    assert Own.model_validate({"type": "own", "upload_check": 5}).upload_check == 5
    (shown,) = _key(Own)
    assert shown["type"] == "integer"


def test_editors_offer_the_choice_only_if_there_is_one() -> None:
    assert [key["enum"] for key in _key(_Choosy)] == [["readback", "size"]]
    assert _key(SinkSettings) == []


def _key(kind: type[SinkSettings]) -> list[dict[str, Any]]:
    properties = kind.model_json_schema()["properties"]
    return [properties["upload_check"]] if "upload_check" in properties else []


def test_encryption_is_for_somebody() -> None:
    encrypt = _read(encrypt={"recipients": ["age1abc"]}).encrypt
    assert encrypt == Encrypt(recipients=("age1abc",))
    with pytest.raises(ValidationError):
        _read(encrypt={"recipients": []})
    with pytest.raises(ValidationError, match=r"encrypt\.recipients"):
        _read(encrypt={})


def test_a_private_key_is_never_shown() -> None:
    key = "AGE-SECRET-KEY-1CANARY"
    settings = _read(encrypt={"recipients": ["age1abc"], "identities": [key]})
    assert "CANARY" not in repr(settings)
    assert "CANARY" not in settings.model_dump_json()
