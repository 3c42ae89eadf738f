"""Names built from anything are safe anywhere."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labferry.sdk import (
    MANIFEST_SUFFIX,
    InvalidAnswerError,
    archive_id,
    archive_key,
    check_key,
    safe_name,
)

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis adds the time zone
    timezones=st.timezones(),
)
HOSTILE = st.text(max_size=90) | st.lists(
    st.sampled_from(["..", ".", "/", "\\", "-", "~", "\0", "\n", "C:", "a", "%2e%2e", "\u202e"]),
    max_size=20,
).map("".join)


@settings(deadline=None)
@given(text=HOSTILE | st.text(min_size=150, max_size=500))
def test_safe_name_is_a_plain_file_name(text: str) -> None:
    name = safe_name(text)
    assert check_key(name) == name
    assert 0 < len(name) <= 200
    assert name.isascii()
    assert name[0] not in ".-"


@settings(deadline=None)
@given(text=st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,30}[A-Za-z0-9_]\Z"))
def test_safe_name_keeps_what_is_safe(text: str) -> None:
    assert safe_name(text) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "unnamed"),
        ("..", "unnamed"),
        ("../../etc/passwd", "etc-passwd"),
        ("Größe 中", "Gr-e"),
        ("a  b", "a-b"),
        (".hidden", "hidden"),
        ("--option", "option"),
        ("a\0b\nc", "a-b-c"),
        ("_ok-1.2", "_ok-1.2"),
    ],
)
def test_safe_name_by_example(text: str, name: str) -> None:
    assert safe_name(text) == name


@settings(deadline=None)
@given(moment=MOMENTS, source=HOSTILE, job=HOSTILE, suffix=st.sampled_from([".zip", ".csv", ""]))
def test_key_never_leaves_its_folder(moment: datetime, source: str, job: str, suffix: str) -> None:
    key = archive_key(archive_id(moment, source, job), source, moment, suffix)
    parts = PurePosixPath(key).parts
    assert len(parts) == 3
    assert ".." not in parts
    assert not PurePosixPath(key).is_absolute()
    assert check_key(key) == key == "/".join(parts)
    assert check_key(key + MANIFEST_SUFFIX)


@settings(deadline=None)
@given(suffix=st.text(min_size=1, max_size=20))
def test_hostile_suffix_is_refused_or_harmless(suffix: str) -> None:
    try:
        key = archive_key("a-1", "a", MOMENT, suffix)
    except InvalidAnswerError:
        return
    assert all(check_key(part) for part in key.split("/"))
    assert ".." not in PurePosixPath(key).parts
    assert key.startswith("a/2026/a-1")


def test_id_and_key_by_example() -> None:
    identity = archive_id(MOMENT, "chem group", "23")
    assert identity == "20260102T030405Z-chem-group-23"
    assert archive_key(identity, "chem group", MOMENT, ".zip") == f"chem-group/2026/{identity}.zip"


def test_id_and_year_are_those_of_utc() -> None:
    moment = datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    identity = archive_id(moment, "a", "1")
    assert identity == "20251231T223000Z-a-1"
    assert archive_key(identity, "a", moment, ".zip") == "a/2025/20251231T223000Z-a-1.zip"


@settings(deadline=None)
@given(moment=MOMENTS, source=HOSTILE, job=HOSTILE)
def test_same_export_always_has_the_same_id(moment: datetime, source: str, job: str) -> None:
    assert archive_id(moment, source, job) == archive_id(moment.astimezone(UTC), source, job)


@pytest.mark.parametrize(
    "key", ["a", "a.zip", "a/b/c.zip", "_a/0.zip", "A/b..c/d-.zip", "x" * 255, "NUL/con.zip"]
)
def test_safe_keys_pass(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/..",
        "a/../b",
        ".a",
        "-a",
        "a/-b",
        "a b",
        "a\\b",
        "a\n",
        "a\0",
        "ä",
        "a:b",
        "~/a",
        "%2e%2e/a",
        "x" * 256,
    ],
)
def test_unsafe_keys_are_refused_and_shown(key: str) -> None:
    with pytest.raises(InvalidAnswerError) as caught:
        check_key(key)
    assert caught.value.message.startswith(f"{key!r} can't be a stored name: ")
