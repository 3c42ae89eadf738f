from collections.abc import Callable
from pathlib import Path

import pytest

from labferry.sdk import Receipt
from labferry.testing.samples import Content, MemoryCheckpoint, SampleArchive, SampleManifest
from labferry_local import LocalSettings, LocalSink

Store = Callable[..., Receipt]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "nas"
    folder.mkdir()
    return folder


@pytest.fixture
def sink(root: Path) -> LocalSink:
    return LocalSink("nas", LocalSettings(type="local", path=root))


@pytest.fixture
def archive() -> SampleArchive:
    return SampleArchive(Content(100_000))


@pytest.fixture
def store(sink: LocalSink) -> Store:
    def _store(archive: SampleArchive) -> Receipt:
        return sink.store(archive, SampleManifest(archive), MemoryCheckpoint())

    return _store
