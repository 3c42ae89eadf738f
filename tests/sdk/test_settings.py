"""Field types for settings, and what reading them from a file adds."""

import pwd
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from labferry.sdk import ConfigError, Duration, FilePath, SinkSettings, home_file
from labferry.sdk.described import descriptions
from labferry.sdk.settings import (
    ConfigFile,
    Settings,
    format_duration,
    parse_duration,
)


class _Sample(Settings):
    wait: Duration = timedelta(minutes=1)
    """How long."""

    path: FilePath = Path("default")
    """Where."""


def _read(text: str, file: ConfigFile | None = None) -> _Sample:
    """As the configuration is read: strictly, from JSON."""
    return _Sample.model_validate_json(text, strict=True, context=file)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("250ms", timedelta(milliseconds=250)),
        ("15m", timedelta(minutes=15)),
        ("15min", timedelta(minutes=15)),
        ("26h", timedelta(hours=26)),
        (" 1.5 d ", timedelta(hours=36)),
        ("2w", timedelta(days=14)),
        ("0s", timedelta()),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length
    assert _read(f'{{"wait": "{text}"}}').wait == length


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 years", "5S", "1e3s", "1,5h", "5s 3m"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="a number and a unit"):
        parse_duration(text)


@pytest.mark.parametrize("value", ["5", "true", "[]", "null"])
def test_a_duration_without_a_unit_is_refused_in_settings(value: str) -> None:
    with pytest.raises(ValidationError, match="a number and a unit"):
        _read(f'{{"wait": {value}}}')


@pytest.mark.parametrize("text", ["999999999999d", "9" * 400 + "s"])
def test_a_duration_that_python_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a shorter time"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(hours=26), "26h"),
        (timedelta(days=30), "30d"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(microseconds=10), "0.00001s"),
    ],
)
def test_a_duration_is_written_in_the_largest_unit_without_a_fraction(
    length: timedelta, text: str
) -> None:
    assert format_duration(length) == text
    assert _Sample(wait=length).model_dump(mode="json")["wait"] == text


@settings(derandomize=True, deadline=None)
@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=3650)))
def test_a_duration_that_was_written_is_read_again(length: timedelta) -> None:
    assert abs(parse_duration(format_duration(length)) - length) <= timedelta(microseconds=1)


def test_a_path_in_a_file_begins_at_the_folder_of_the_file() -> None:
    file = ConfigFile(Path("/etc/labferry/labferry.toml"), private=False)

    assert _read('{"path": "ca.pem"}', file).path == Path("/etc/labferry/ca.pem")
    assert _read('{"path": "/ca.pem"}', file).path == Path("/ca.pem")


def test_a_path_from_elsewhere_is_taken_as_it_is() -> None:
    assert _Sample(path=Path("ca.pem")).path == Path("ca.pem")
    assert _Sample.model_validate({"path": "ca.pem"}).path == Path("ca.pem")


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    file = ConfigFile(Path("/etc/labferry.toml"), private=False)

    assert _read('{"path": "~/ca.pem"}', file).path == Path("/home/alice/ca.pem")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a path"),
        ("a\\u0000b", "a path"),
        ("~no-such-user-here/x", "a path whose home folder is known here"),
    ],
)
def test_what_can_be_no_path_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        _read(f'{{"path": "{text}"}}')


def test_a_number_is_no_path() -> None:
    with pytest.raises(ValidationError, match="valid string"):
        _read('{"path": 3}')


def test_an_unknown_key_is_refused_without_showing_its_value() -> None:
    with pytest.raises(ValidationError) as caught:
        SinkSettings.model_validate({"type": "x", "pasword": "canary"})

    assert "pasword" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        _Sample().path = Path("x")  # type: ignore[misc] # what the type checker says, too


def test_fields_are_described_by_the_text_below_them() -> None:
    assert descriptions(_Sample)["wait"] == "How long."


def test_a_file_in_a_home_folder_that_nobody_knows_is_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert home_file("~/.ssh/config", "ssh_config") == Path("/home/anna/.ssh/config")

    def unknown(_: int) -> pwd.struct_passwd:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(ConfigError) as caught:
        home_file("~/.ssh/config", "ssh_config")
    assert "~/.ssh/config can't be found: $HOME is not set" in str(caught.value)
    assert caught.value.hint == "Set $HOME, or name the file with `ssh_config`."
