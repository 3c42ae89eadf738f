import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from labferry.spool import Declared, SpoolArchive

Make = Callable[..., SpoolArchive]
Beside = Callable[..., Future[Any]]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make an archive in the spool that is declared to hold some bytes."""
    made: list[SpoolArchive] = []

    def _make(
        content: bytes, *, size: int | None = None, crc32: int | None = None, md5: bool = False
    ) -> SpoolArchive:
        declared = Declared(
            id="20260102T030405Z-chem-23",
            source="chem",
            key="chem/2026/20260102T030405Z-chem-23.zip",
            size=len(content) if size is None else size,
            crc32=zlib.crc32(content) if crc32 is None else crc32,
        )
        made.append(SpoolArchive(tmp_path / "23.spool", declared, md5=md5))
        return made[-1]

    yield _make
    for archive in made:
        archive.close()


@pytest.fixture
def beside() -> Iterator[Beside]:
    """Run something on a thread of its own."""
    with ThreadPoolExecutor(16) as pool:
        yield pool.submit
