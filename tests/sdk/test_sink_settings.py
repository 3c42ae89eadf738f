"""The keys that every destination has."""

from datetime import timedelta
from typing import ClassVar

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


def test_a_word_alone_is_how_uploads_are_checked() -> None:
    table = {"type": "box", "verify": "size"}
    assert _Choosy.model_validate(table).verify == Verify(upload="size")
    with pytest.raises(ValidationError, match="one of readback, size"):
        _Choosy.model_validate({"type": "box", "verify": "trust"})


def test_how_uploads_are_checked_is_not_for_choice_everywhere() -> None:
    with pytest.raises(ValidationError, match="offers no choice"):
        _read(verify="size")


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
