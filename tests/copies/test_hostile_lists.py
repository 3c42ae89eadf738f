"""Finding archives where somebody else put manifests: in bounded memory, and each id once."""

import logging
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from labferry.copies import query
from labferry.copies.query import stored_archives, stray_files
from labferry.sdk import (
    Manifest,
    ManifestJob,
    ManifestSource,
    Sink,
    StoredArchive,
    Stray,
    StrayKind,
    archive_id,
    archive_key,
)

SUBMITTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def listed(job: str, parameters: dict[str, Any]) -> StoredArchive:
    identity = archive_id(SUBMITTED, "chem", job)
    manifest = Manifest(
        labferry_manifest=1,
        archive_id=identity,
        file=f"{identity}.zip",
        size=1,
        sha256="0" * 64,
        crc32="0" * 8,
        source=ManifestSource(
            name="chem", type="rspace", url="https://x", series="user", parameters=parameters
        ),
        job=ManifestJob(id=job, submitted=SUBMITTED, completed=SUBMITTED),
    )
    # As a sink reads it, so that nothing in it is shared.
    manifest = Manifest.from_json(manifest.to_json(), where="it")
    return StoredArchive(archive_key(identity, "chem", SUBMITTED, ".zip"), 1, manifest)


@dataclass
class Claiming:
    """A sink that lists what it was told to."""

    numbers: range
    parameters: dict[str, Any]
    name: str = "nas"

    def list(self) -> Iterator[StoredArchive]:
        return (listed(str(number), self.parameters) for number in self.numbers)

    def strays(self) -> Iterator[Stray]:
        return iter(())

    def as_sink(self) -> Sink[Any]:
        return cast("Sink[Any]", self)


def many(value: object, count: int = 1000) -> dict[str, Any]:
    return {"n": [value] * count}


@pytest.mark.parametrize(
    "parameters", [many({"a": 1}), many([]), many("ä" * 9), {"x": "y" * 60_000}]
)
def test_large_manifests_are_held_only_up_to_a_limit(
    parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(query, "_MOST_HELD", 1 << 20)
    sink = Claiming(range(40), parameters).as_sink()
    listed("0", {})  # what is made once takes memory, too
    tracemalloc.start()
    with caplog.at_level(logging.WARNING):
        found = stored_archives(sink)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0 < len(found) < 40
    assert held < 2 << 20
    assert "the large manifests there need more than 1 MiB of memory" in caplog.text
    strays = [*stray_files(sink)]
    assert {stray.kind for stray in strays} == {StrayKind.INVALID}
    assert len(strays) + len(found) == 40


def test_small_manifests_are_all_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "_MOST_HELD", 0)
    sink = Claiming(range(100), {"scope": "selection", "ids": [*range(50)]}).as_sink()
    assert len(stored_archives(sink)) == 100


def test_what_is_listed_twice_is_held_once(caplog: pytest.LogCaptureFixture) -> None:
    sink = Claiming(range(1), {})
    once = [*sink.list()]
    sink.list = lambda: iter(once * 3)  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING):
        assert len(stored_archives(sink.as_sink())) == 1
    assert caplog.text.count("listed twice") == 2
