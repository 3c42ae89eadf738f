"""A manifest at a destination is what somebody put there: every field of it is mistrusted."""

import json
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labferry.sdk import InvalidAnswerError, Manifest, archive_id, archive_key

SUBMITTED = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
ID = archive_id(SUBMITTED, "chem-lab", "23")
KEY = archive_key(ID, "chem-lab", SUBMITTED, ".zip")


def document() -> dict[str, Any]:
    return {
        "labferry_manifest": 1,
        "archive_id": ID,
        "file": f"{ID}.zip",
        "size": 10,
        "sha256": "0" * 64,
        "crc32": "0" * 8,
        "source": {
            "name": "chem-lab",
            "type": "rspace",
            "url": "https://rspace.example.edu",
            "series": "group 23",
            "parameters": {"scope": "group", "id": 23},
        },
        "job": {
            "id": "23",
            "submitted": SUBMITTED.isoformat(),
            "completed": SUBMITTED.isoformat(),
        },
    }


def read(changed: dict[str, Any]) -> Manifest:
    return Manifest.from_json(json.dumps(changed).encode(), where="it")


def changed(path: str, value: object) -> dict[str, Any]:
    found = whole = document()
    *folders, name = path.split(".")
    for folder in folders:
        found = found[folder]
    found[name] = value
    return whole


def test_what_labferry_makes_agrees_with_its_key() -> None:
    read(document()).require_key(KEY)
    encrypted = changed("file", f"{ID}.zip.age")
    read(encrypted).require_key(f"{KEY}.age")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("archive_id", "../../x"),
        ("archive_id", "a" * 300),
        ("archive_id", ""),
        ("file", "../other.zip"),
        ("file", ".hidden"),
        ("size", 1 << 63),
        ("size", -1),
        ("size", 1.5),
        ("job.submitted", "0001-01-01T00:00:00+14:00"),
        ("job.submitted", "9999-12-31T23:59:59-14:00"),
        ("job.completed", "0001-01-01T00:00:00+14:00"),
        ("job.submitted", "2026-01-02T03:04:05"),
        ("source.series", "x" * 100_000),
        ("source.name", "x" * 1000),
        ("source.parameters", {"ids": [[]] * 60_000}),
        ("source.parameters", {"a": json.loads("[" * 100 + "]" * 100)}),
        ("source.names", {"username": "x" * 256}),
        ("source.names", {"full_name": ["Alice"]}),
        ("source.names", {"group_name": {"x": "y"}}),
        ("source.names", "Alice"),
        ("sha256", "A" * 64),
        ("previous", "x"),
    ],
)
def test_a_field_beyond_what_labferry_makes_is_refused(path: str, value: object) -> None:
    with pytest.raises(InvalidAnswerError, match="is not a manifest that this labferry can read"):
        read(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("archive_id", "x"),
        ("archive_id", archive_id(SUBMITTED, "chem-lab", "24")),
        ("file", f"{ID}0.zip"),
        ("file", f"{ID}.zip;rm"),
        ("file", "other.zip"),
        ("job.submitted", "2001-01-02T03:04:05+00:00"),
        ("source.name", "other"),
        ("source.name", "$(reboot)"),
    ],
)
def test_what_does_not_agree_with_its_key_is_not_labferrys(path: str, value: object) -> None:
    try:
        manifest = read(changed(path, value))
    except InvalidAnswerError:
        return
    with pytest.raises(InvalidAnswerError):
        manifest.require_key(KEY)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (None, ""),
        ({}, ""),
        ({"username": "alice", "nickname": "Al"}, "alice"),
        ({"full_name": "A\nB\x1b[31m", "group_name": "\u202e"}, "A B[31m"),
    ],
)
def test_names_are_made_fit_to_be_shown(names: object, text: str) -> None:
    manifest = read(changed("source.names", names))
    assert str(manifest.names) == text
    assert Manifest.from_json(manifest.to_json(), where="it") == manifest


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("archive_id", f"{ID[:17]}.hidden", f"chem-lab/2026/{ID[:17]}.hidden.zip"),
        ("job.submitted", "2026-01-02T03:04:06+00:00", KEY),
        ("file", f"{ID}0.zip", f"chem-lab/2026/{ID}0.zip"),
        ("source.name", "$(reboot)", f"$(reboot)/2026/{ID}.zip"),
    ],
)
def test_one_field_that_does_not_agree_is_enough(path: str, value: str, key: str) -> None:
    document = changed(path, value)
    if path == "archive_id":
        document["file"] = f"{value}.zip"
    with pytest.raises(InvalidAnswerError, match="names no archive of labferry's"):
        read(document).require_key(key)


def test_time_of_a_manifest_is_utc_wherever_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        read(document()).require_key(KEY)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_parameters_may_have_50000_values() -> None:
    # The table itself is one, and so is the list.
    read(changed("source.parameters", {"ids": [0] * 49_998}))
    with pytest.raises(InvalidAnswerError, match="more than 50000 values, or more than 16 levels"):
        read(changed("source.parameters", {"ids": [0] * 49_999}))


def test_years_that_can_be_meant_are_named() -> None:
    with pytest.raises(InvalidAnswerError, match="the year must be between 2000 and 2199"):
        read(changed("job.completed", "1999-12-31T23:59:59+00:00"))


def test_document_may_have_a_mebibyte() -> None:
    text = json.dumps(document())
    Manifest.from_json(text.ljust(1 << 20).encode(), where="it").require_key(KEY)
    with pytest.raises(InvalidAnswerError, match="it is too large for a manifest"):
        Manifest.from_json(text.ljust((1 << 20) + 1).encode(), where="it")


def test_what_is_no_table_at_all_is_named_as_a_whole() -> None:
    with pytest.raises(InvalidAnswerError, match="can read: document: "):
        Manifest.from_json(b"[]", where="it")


@pytest.mark.parametrize(
    "key", [f"other/2026/{ID}.zip", f"chem-lab/2025/{ID}.zip", f"chem-lab/2026/x/{ID}.zip", "a/.."]
)
def test_another_key_is_not_its_own(key: str) -> None:
    with pytest.raises(InvalidAnswerError, match="that of another archive"):
        read(document()).require_key(key)


@given(
    submitted=st.datetimes(datetime(2000, 1, 2), datetime(2199, 12, 30)),  # noqa: DTZ001 - made aware below
    source=st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9_])?", fullmatch=True),
    job=st.text(max_size=40),
    suffix=st.sampled_from([".zip", ".zip.age", ".eln", ".tar.gz", ""]),
)
def test_whatever_labferry_stores_agrees(
    submitted: datetime, source: str, job: str, suffix: str
) -> None:
    moment = submitted.replace(tzinfo=UTC)
    identity = archive_id(moment, source, job)
    made = document() | {"archive_id": identity, "file": f"{identity}{suffix}"}
    made["source"]["name"] = source
    made["job"] = {"id": job, "submitted": moment.isoformat(), "completed": moment.isoformat()}
    read(made).require_key(archive_key(identity, source, moment, suffix))


def test_small_documents_take_little_memory() -> None:
    text = json.dumps(changed("source.parameters", {"ids": [0]}))
    hostile = text.replace("[0]", "[" + ",".join(["[]"] * 340_000) + "]").encode()
    assert len(hostile) < 1 << 20
    tracemalloc.start()
    with pytest.raises(InvalidAnswerError):
        Manifest.from_json(hostile, where="it")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1 << 20


def text_with(parameters: str, **changes: str) -> bytes:
    """A document whose parameters are written out, and whose times can be."""
    text = json.dumps(changed("source.parameters", {}))
    text = text.replace('"parameters": {}', f'"parameters": {parameters}')
    for name, value in changes.items():
        text = text.replace(f'"{name}": "{SUBMITTED.isoformat()}"', f'"{name}": {value}')
    return text.encode()


NUMBERS = (
    *("1e400", "-1e400", "1e-400", "-0", "-0.0", "1E5", "0.1", "01", "+1", "1.", ".5", "0x1"),
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "9" * 19,
        "9" * 400,
        "9" * 4300,
        "9" * 5000,
        "-" + "9" * 5000,
    ),
    *("1e" + "9" * 5000, "0." + "9" * 5000),
)


def survives(document: bytes) -> None:
    """A manifest is refused, or it can be written and read again as the same."""
    try:
        found = Manifest.from_json(document, where="it")
    except InvalidAnswerError:
        return
    again = Manifest.from_json(found.to_json(), where="it")
    assert again == found
    assert again.to_json() == found.to_json()
    json.loads(found.to_json(), parse_constant=pytest.fail)


@pytest.mark.parametrize("number", NUMBERS)
def test_odd_number_is_refused_or_kept(number: str) -> None:
    survives(text_with(f'{{"n": {number}}}'))
    survives(text_with(f'{{"n": [{number}, {{"m": {number}}}]}}'))
    for field in ("size", "labferry_manifest"):
        survives(json.dumps(document()).replace(f'"{field}": 1', f'"{field}": {number}').encode())


@pytest.mark.parametrize("string", [r"\u0000", r"\ud800", r"\udc00\ud800", r"\ud83d\ude00", "\0"])
def test_odd_string_is_refused_or_kept(string: str) -> None:
    survives(text_with(f'{{"{string}": "{string}"}}'))
    survives(json.dumps(document()).replace("group 23", string).encode())


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.decode().encode("utf-16"),
        lambda text: text.decode().encode("utf-32"),
        lambda text: text + b"\0",
        lambda text: text + text,
        lambda text: text.replace(b"group 23", b"group \xed\xa0\x80"),
        lambda text: text.replace(b"group 23", b"group \xff"),
        lambda _: b"[" * 100_000,
        lambda _: b'{"a":' * 100_000,
        lambda text: text.replace(b"{}", b"[" * 5000 + b"]" * 5000),
        lambda text: b"/* */" + text,
        lambda _: b"null",
        lambda _: b"[]",
        lambda _: b'"' + b"x" * 900_000 + b'"',
        lambda _: b"",
        lambda _: b" " * 1_000_000,
    ],
)
def test_odd_document_is_refused_or_kept(change: Callable[[bytes], bytes]) -> None:
    survives(change(text_with("{}")))


def test_key_that_comes_twice_counts_as_it_is_written_again() -> None:
    text = json.dumps(document()).encode()
    twice = text.replace(b'"sha256":', b'"sha256": "' + b"f" * 64 + b'", "sha256":', 1)
    survives(twice)
    assert Manifest.from_json(twice, where="it").sha256 == "0" * 64 == json.loads(twice)["sha256"]


@pytest.mark.parametrize(
    "time",
    [
        *('"2026-01-02T03:04:60Z"', '"2026-12-31T23:59:60Z"', '"0001-01-01T00:00:00+14:00"'),
        *(
            '"9999-12-31T23:59:59-14:00"',
            '"2026-01-02T03:04:05+23:59"',
            '"2026-01-02T03:04:05-23:59"',
        ),
        *('"2026-01-02T03:04:05+99:99"', '"2026-01-02T03:04:05+24:00"', '"2026-02-30T00:00:00Z"'),
        *('"2000-01-01T00:00:00+23:59"', '"2199-12-31T23:59:59-23:59"', '"2026-01-02T03:04:05"'),
        *(
            "0",
            "-1",
            "1767323045",
            "1767323045.5",
            "1e308",
            "9" * 30,
            "NaN",
            "1e18",
            "true",
            "null",
        ),
        *(
            '"1767323045"',
            '"NaN"',
            '"now"',
            '""',
            '"-2026-01-02T03:04:05Z"',
            '"+12026-01-02T03:04:05Z"',
        ),
    ],
)
def test_odd_time_is_refused_or_kept(time: str) -> None:
    survives(text_with("{}", submitted=time, completed=time))
    try:
        found = Manifest.from_json(text_with("{}", submitted=time), where="it")
        found.require_key(KEY)
    except InvalidAnswerError:
        return
    assert found.job.submitted == SUBMITTED


def test_source_whose_name_is_not_in_the_id_is_another_one() -> None:
    """Otherwise one id could be stored under the keys of any two sources."""
    manifest = read(changed("source.name", "bio"))
    with pytest.raises(InvalidAnswerError, match="its source and its time do not agree"):
        manifest.require_key(f"bio/2026/{ID}.zip")


@pytest.mark.parametrize("key", [KEY.upper(), KEY.capitalize(), f"./{KEY}", f"{KEY}/", f"/{KEY}"])
def test_key_that_another_storage_would_take_for_the_same_is_another_one(key: str) -> None:
    with pytest.raises(InvalidAnswerError):
        read(document()).require_key(key)
