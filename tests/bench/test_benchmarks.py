"""Every benchmark does what it is to measure. How long that takes is not these tests' concern."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .__main__ import BENCHMARKS, run
from .results import Row
from .storages import S3Bucket, s3_store

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bench")]
_SCALE, _ROUNDS = 1 / 1024, 1


@pytest.fixture(scope="module")
def bucket() -> Iterator[Callable[[], S3Bucket]]:
    with s3_store() as made:
        yield made


@pytest.mark.parametrize("name", BENCHMARKS)
def test_benchmark_works(name: str, bucket: Callable[[], S3Bucket], tmp_path: Path) -> None:
    found = run(name, _SCALE, _ROUNDS, bucket, tmp_path)
    assert found
    assert all(each.what in str(each) for each in found)
    assert list(tmp_path.iterdir()) == []


def test_figures_are_written_as_json_too(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.bench", "--quick", "start", "--json", str(file)]
    done = subprocess.run(command, cwd=project, check=True, capture_output=True, encoding="utf-8")
    (row,) = json.loads(file.read_text())["rows"]
    assert row["what"] in done.stdout
    assert row["goal"] == 120


def test_unknown_benchmark_is_refused(project: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "warp"]
    done = subprocess.run(command, cwd=project, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert "no such benchmark: warp" in done.stderr


def test_what_exceeds_its_goal_is_marked() -> None:
    assert str(Row("upload / other", 1.3, 1.2)).startswith("OVER upload / other")
    assert str(Row("upload / other", 1.2, 1.2)).startswith("ok ")
