"""`.eln` files: whether they hold what their own metadata describe."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from labferry.sdk import IntegrityError
from labferry.sdk.zips import Crate, CrateReport, ZipArchive

PHOTO = b"pixels"
SHA256 = hashlib.sha256(PHOTO).hexdigest()


def packed(members: Mapping[str, bytes], graph: object = (), root: str = "export/") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{root}{name}", content)
        metadata = graph if isinstance(graph, bytes) else json.dumps({"@graph": graph}).encode()
        archive.writestr(f"{root}ro-crate-metadata.json", metadata)
    return buffer.getvalue()


def report(members: Mapping[str, bytes], *graph: Any, root: str = "export/") -> CrateReport:  # noqa: ANN401 - JSON
    return Crate(ZipArchive(io.BytesIO(packed(members, graph, root)))).test()


def file(place: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"@id": place, "@type": "File", **more}


@pytest.mark.parametrize(
    ("member", "place"),
    [
        ("a/photo.png", "./a/photo.png"),
        ("a/photo.png", "a/photo.png"),
        ("a//photo.png", "./a/photo.png"),
        ("a/my photo.png", "./a/my photo.png"),
        ("a/my photo.png", "./a/my%20photo.png"),
        ("a/100%25.png", "./a/100%25.png"),
        ("a/Größe.png", "./a/Größe.png"),
    ],
)
@pytest.mark.parametrize("root", ["export/", ""])
def test_a_file_is_found_however_its_path_is_written(member: str, place: str, root: str) -> None:
    found = report({member: PHOTO}, file(place, sha256=SHA256.upper()), root=root)
    assert (found.problem, found.files) == ("", 2)


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        (file("./a/photo.png", sha256="0" * 64), "another content than described for 1 file"),
        (file("./a/photo.png", contentSize=7), "another content"),
        (file("./a/photo.png", contentSize="6"), ""),
        (file("./a/photo.png", sha256="error computing hash", contentSize=6), ""),
        (file("./a/photo.png"), ""),
        (file("./b.png", name="b", sha256=SHA256), "lacks 1 file ('b')"),
        (file("./a/", name="lost"), "lacks 1 file ('lost')"),
        (file("https://example.edu/large.h5", sha256=SHA256), ""),
        (file("", sha256=SHA256), "lacks 1 file"),
        ({"@id": "./b.png", "@type": ["File", "ImageObject"]}, "lacks 1 file"),
        ({"@id": "./b/", "@type": "Dataset"}, ""),
        ({"@type": "File"}, ""),
        (3, ""),
    ],
)
def test_what_is_described_must_be_there(node: object, problem: str) -> None:
    found = report({"a/photo.png": PHOTO}, node).problem
    assert problem in found
    assert bool(problem) is bool(found)


def test_the_first_names_are_shown_and_the_others_counted() -> None:
    told = report({}, *(file(f"./{number}") for number in range(5))).problem
    assert "lacks 5 files ('0', '1', '2' and 2 more)" in told


@pytest.mark.parametrize("metadata", [b"", b"{", b"[]", b'{"@graph": {}}', b"[" * 100_000, b"\xff"])
def test_metadata_that_can_not_be_read_are_refused(metadata: bytes) -> None:
    with pytest.raises(IntegrityError):
        Crate(ZipArchive(io.BytesIO(packed({}, metadata))))


def test_metadata_must_be_there_and_not_deep_inside() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/b/ro-crate-metadata.json", "{}")
    with pytest.raises(IntegrityError, match=r"no ro-crate-metadata\.json"):
        Crate(ZipArchive(buffer))


def test_metadata_that_are_huge_are_not_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("labferry.sdk.zips.crate._LARGEST", 10)
    found = report({"a": PHOTO}, file("./b"))
    assert (found.problem, found.files) == ("", 2)
    assert "more than the 10 that are read" in caplog.text


def test_a_damaged_member_is_refused() -> None:
    data = packed({"a/photo.png": PHOTO}, [file("./a/photo.png", sha256=SHA256)])
    crate = Crate(ZipArchive(io.BytesIO(data.replace(PHOTO, b"pixelz", 1))))
    with pytest.raises(IntegrityError, match="CRC-32"):
        crate.test()


def test_whoever_waits_may_end_the_test() -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        Crate(ZipArchive(io.BytesIO(packed({"a": PHOTO}, [])))).test(stop)
