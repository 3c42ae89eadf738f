"""The manifest: written, read back, described by its JSON Schema, and mistrusted."""

import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from labferry.sdk import InvalidAnswerError, JsonValue, Manifest, ManifestJob, ManifestSource

SUBMITTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
CHANGES: dict[str, dict[str, Any]] = {
    "labferry_manifest": {"labferry_manifest": 2},
    "size": {"size": -1},
    "sha256": {"sha256": "AB" * 32},
    "crc32": {"crc32": "cafe"},
    "source": {"source": None},
    "source.name": {"source": {}},
    "job.submitted": {"job": {"id": "23", "submitted": "yesterday", "completed": "2026-01-02"}},
}


def manifest(parameters: dict[str, JsonValue] | None = None, **changes: Any) -> Manifest:  # noqa: ANN401 - any field
    fields: dict[str, Any] = {
        "labferry_manifest": 1,
        "archive_id": "20260102T030405Z-chem-23",
        "file": "20260102T030405Z-chem-23.zip",
        "size": 1000,
        "sha256": "ab" * 32,
        "crc32": "0000cafe",
        "source": ManifestSource(
            name="chem",
            type="rspace",
            url="https://eln.example.edu",
            series="group 23",
            parameters=parameters or {"scope": "group", "id": 23},
        ),
        "job": ManifestJob(
            id="23", submitted=SUBMITTED, completed=SUBMITTED + timedelta(minutes=5)
        ),
    }
    return Manifest(**{**fields, **changes})


def table(document: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(document)
    return read


def schema() -> dict[str, Any]:
    return Manifest.model_json_schema(mode="serialization")


def test_manifest_is_read_as_it_was_written() -> None:
    assert Manifest.from_json(manifest().to_json(), where="x") == manifest()


@settings(deadline=None)
@given(parameters=st.dictionaries(st.text(max_size=10), JSON, max_size=5))
def test_any_parameters_are_read_as_they_were_written(parameters: dict[str, JsonValue]) -> None:
    written = manifest(parameters).to_json()
    assert Manifest.from_json(written, where="x").to_json() == written


def test_document_is_for_people_too() -> None:
    document = manifest({"query": "Größe"}).to_json()
    assert document.startswith(b'{\n  "labferry_manifest": 1,\n  "archive_id": ')
    assert document.endswith(b"}\n")
    assert "Größe".encode() in document


def test_document_is_the_same_every_time() -> None:
    assert manifest().to_json() == manifest().to_json()


def test_schema_is_valid_and_describes_every_key() -> None:
    Draft202012Validator.check_schema(schema())
    parts = [schema(), *schema()["$defs"].values()]
    properties = [
        (name, about) for part in parts for name, about in part.get("properties", {}).items()
    ]
    # A key that refers to another part is described there.
    silent = [name for name, about in properties if not {"description", "$ref"} & set(about)]
    assert silent == []


def test_schema_accepts_what_is_written() -> None:
    Draft202012Validator(schema()).validate(table(manifest().to_json()))


@pytest.mark.parametrize("mode", ["serialization", "validation"])
def test_schema_requires_what_verifying_and_restoring_need(mode: Any) -> None:  # noqa: ANN401 - a literal
    required = set(Manifest.model_json_schema(mode=mode)["required"])
    assert {"labferry_manifest", "archive_id", "file", "size", "sha256", "crc32"} <= required


@pytest.mark.parametrize("place", sorted(CHANGES.keys() - {"job.submitted"}))
def test_schema_refuses_what_a_reader_refuses(place: str) -> None:
    wrong = {**table(manifest().to_json()), **CHANGES[place]}
    assert not Draft202012Validator(schema()).is_valid(wrong)


@pytest.mark.parametrize("place", CHANGES)
def test_mistake_is_named_with_its_place(place: str) -> None:
    wrong = json.dumps({**table(manifest().to_json()), **CHANGES[place]}).encode()
    with pytest.raises(InvalidAnswerError) as caught:
        Manifest.from_json(wrong, where="nas/x.zip.manifest.json")
    assert caught.value.message.startswith(
        f"nas/x.zip.manifest.json is not a manifest that this labferry can read: {place}: "
    )


@pytest.mark.parametrize("field", ["archive_id", "sha256", "source", "job", "labferry_manifest"])
def test_missing_key_is_named(field: str) -> None:
    wrong = table(manifest().to_json())
    del wrong[field]
    with pytest.raises(InvalidAnswerError, match=f"can read: {field}: Field required"):
        Manifest.from_json(json.dumps(wrong).encode(), where="x")


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b"<html>", b"\xff\xfe", b"null"])
def test_anything_else_is_no_manifest(document: bytes) -> None:
    with pytest.raises(InvalidAnswerError, match="x is not a manifest that this labferry can read"):
        Manifest.from_json(document, where="x")


@pytest.mark.parametrize("moment", ["submitted", "completed"])
def test_a_time_of_nobody_knows_which_zone_is_refused(moment: str) -> None:
    given = table(manifest().to_json())
    given["job"][moment] = "2026-01-02T03:04:05"
    with pytest.raises(InvalidAnswerError, match=rf"job\.{moment}: .*timezone"):
        Manifest.from_json(json.dumps(given).encode(), where="x")


def test_what_was_read_is_not_shown() -> None:
    with pytest.raises(InvalidAnswerError) as caught:
        Manifest.from_json(b'{"labferry_manifest": "private words"}', where="x")
    assert "private words" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_huge_document_is_refused_unread() -> None:
    with pytest.raises(InvalidAnswerError, match="x is too large for a manifest"):
        Manifest.from_json(b" " * (1 << 20) + manifest().to_json(), where="x")


def test_keys_of_later_versions_are_ignored() -> None:
    later = {**table(manifest().to_json()), "signed_by": "someone"}
    assert Manifest.from_json(json.dumps(later).encode(), where="x") == manifest()


def test_digest_is_checked_by_sha256sum_alone(tmp_path: Path) -> None:
    content = b"an archive"
    written = manifest(sha256=hashlib.sha256(content).hexdigest(), file="a.zip").to_json()
    (tmp_path / "a.zip").write_bytes(content)
    line = f"{table(written)['sha256']}  {table(written)['file']}\n"
    program = shutil.which("sha256sum")
    assert program, "sha256sum belongs to every Linux system."
    done = subprocess.run(
        [program, "--check"], input=line.encode(), cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout == b"a.zip: OK\n"
