"""The text file for node_exporter, read by the official parser."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from labferry.sdk import FullError, NotFoundError, Outcome, RunReport, Severity
from labferry_notify import PrometheusSettings, PrometheusTextfile

STARTED = 1767323045.0
Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def textfile(path: Path, **keys: object) -> PrometheusTextfile:
    table = {"type": "prometheus", "path": str(path), **keys}
    return PrometheusTextfile("metrics", PrometheusSettings.model_validate(table))


def values(path: Path) -> Values:
    found: Values = {}
    for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
        assert family.name.startswith("labferry_")
        assert family.type == "gauge"
        assert family.documentation.endswith(".")
        for sample in family.samples:
            assert sample.name == family.name
            assert sample.timestamp is None
            key = (sample.name.removeprefix("labferry_"), tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "labferry.prom"


@pytest.fixture
def _private_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_a_good_run_in_numbers(path: Path, good: RunReport) -> None:
    textfile(path).labferry_run_finished(good)

    nas, offsite = ((("destination", name), ("source", "chem")) for name in ("nas", "offsite"))
    outcomes: Values = {
        ("exports", (("outcome", str(outcome)), ("source", "chem"))): outcome is Outcome.STORED
        for outcome in Outcome
    }
    assert values(path) == {
        ("run_started_timestamp_seconds", ()): STARTED,
        ("run_ended_timestamp_seconds", ()): STARTED + 90.5,
        ("run_duration_seconds", ()): 90.5,
        ("run_exit_code", ()): 0.0,
        ("run_complete", ()): 1.0,
        ("run_problems", ()): 0.0,
        **outcomes,
        ("exported_bytes", (("source", "chem"),)): 1000.0,
        ("export_duration_seconds", (("source", "chem"),)): 60.25,
        ("last_success_timestamp_seconds", nas): STARTED,
        ("last_success_timestamp_seconds", offsite): STARTED,
        ("last_stored_duration_seconds", nas): 61.5,
        ("last_stored_timestamp_seconds", nas): STARTED,
        ("last_stored_timestamp_seconds", offsite): STARTED,
        ("last_stored_bytes", nas): 1000.0,
        ("last_stored_bytes", offsite): 1000.0,
        ("stored_archives", nas): 3.0,
        ("stored_archives", offsite): 2.0,
        ("last_verified_timestamp_seconds", nas): STARTED - 2 * 86400,
        ("pending_archives", nas): 0.0,
        ("pending_archives", offsite): 0.0,
        ("delivery_failed", nas): 0.0,
        ("delivery_failed", offsite): 0.0,
    }


def test_a_bad_run_in_numbers(path: Path, bad: RunReport) -> None:
    textfile(path).labferry_run_finished(replace(bad, problems=("a", "b")))

    found = values(path)
    offsite = (("destination", "offsite"), ("source", "chem"))
    assert found["run_exit_code", ()] == 3
    assert found["run_complete", ()] == 0
    assert found["run_problems", ()] == 2
    assert found["exports", (("outcome", "failed"), ("source", "chem"))] == 1
    assert found["exported_bytes", (("source", "chem"),)] == 0
    assert found["pending_archives", offsite] == 1
    assert found["delivery_failed", offsite] == 1


def test_big_numbers_and_fractions_keep_their_digits(path: Path, good: RunReport) -> None:
    (export,) = good.exports
    big = replace(
        good,
        exports=(replace(export, size=9_007_199_254_740_991),),
        ended=good.started + timedelta(microseconds=123_457),
    )
    textfile(path).labferry_run_finished(big)

    assert values(path)["exported_bytes", (("source", "chem"),)] == 9_007_199_254_740_991
    assert values(path)["run_duration_seconds", ()] == 0.123457


def test_a_run_that_could_not_go_on_has_no_metrics_without_samples(
    path: Path, good: RunReport
) -> None:
    failed = replace(good, exit_code=1, exports=(), freshness=(), complete=False)
    textfile(path).labferry_run_finished(failed)

    assert {name for name, _ in values(path)} == {
        "run_started_timestamp_seconds",
        "run_ended_timestamp_seconds",
        "run_duration_seconds",
        "run_exit_code",
        "run_complete",
        "run_problems",
    }
    assert "labferry_exports" not in path.read_text(encoding="utf-8")


def test_after_a_run_that_does_not_know_it_how_copies_stand_is_what_it_was(
    path: Path, good: RunReport
) -> None:
    metrics = textfile(path, labels={"team": 'a "b"\nlabferry_run_complete 1'})
    metrics.labferry_run_finished(good)
    before = values(path)

    failed = replace(good, run=0, exit_code=1, exports=(), freshness=(), complete=False)
    for _ in range(2):
        metrics.labferry_run_finished(failed)
    after = values(path)

    assert {name for name, _ in before} - {name for name, _ in after} == {
        "exports",
        "exported_bytes",
        "export_duration_seconds",
    }
    changed = {name for name, labels in after if after[name, labels] != before[name, labels]}
    assert changed == {"run_exit_code", "run_complete"}


@pytest.mark.parametrize("older", [b"\xff\xfe", b"", b"labferry_stored_archives", b"other 1\n"])
def test_what_is_no_text_of_labferrys_is_not_kept(
    path: Path, good: RunReport, older: bytes
) -> None:
    path.write_bytes(older)
    textfile(path).labferry_run_finished(replace(good, exports=(), freshness=()))

    assert all(name.startswith("run_") for name, _ in values(path))


def test_of_several_exports_the_slowest_is_told(path: Path, good: RunReport) -> None:
    (export,) = good.exports
    exports = [replace(export, seconds=seconds) for seconds in (5.0, None, 90.0, 7.5)]
    textfile(path).labferry_run_finished(replace(good, exports=tuple(exports)))

    assert values(path)["export_duration_seconds", (("source", "chem"),)] == 90.0


def test_labels_of_ones_own_with_awkward_values_come_back_as_they_were(
    path: Path, good: RunReport
) -> None:
    labels = {"team": 'a "b" \\ c\nd', "site": "Zürich"}
    textfile(path, labels=labels).labferry_run_finished(good)

    found = values(path)
    assert {dict(pairs)["team"] for _, pairs in found} == {labels["team"]}
    assert {dict(pairs)["site"] for _, pairs in found} == {"Zürich"}


@pytest.mark.parametrize("name", ["source", "destination", "outcome", "1x", "a-b", "", "__x", "ä"])
def test_labels_that_cannot_be_are_refused(path: Path, name: str) -> None:
    with pytest.raises(ValidationError):
        textfile(path, labels={name: "x"})


@pytest.mark.parametrize("name", ["labferry.txt", "labferry", "labferry.prom.txt"])
def test_a_name_that_the_exporter_does_not_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValidationError, match=r"whose name ends in \.prom"):
        textfile(tmp_path / name)


@pytest.mark.usefixtures("_private_umask")
def test_the_exporter_may_read_it_whatever_the_umask(path: Path, good: RunReport) -> None:
    textfile(path).labferry_run_finished(good)

    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_it_is_replaced_in_one_step(path: Path, good: RunReport, bad: RunReport) -> None:
    textfile(path).labferry_run_finished(good)
    with path.open(encoding="utf-8") as reader:
        textfile(path).labferry_run_finished(bad)
        assert "labferry_run_complete 1\n" in reader.read()

    assert values(path)["run_complete", ()] == 0
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208 - names are what matters


def test_a_failure_leaves_what_was_there_and_nothing_else(path: Path, good: RunReport) -> None:
    path.mkdir()
    (path / "in-the-way").touch()

    with pytest.raises(FullError, match="can't be written"):
        textfile(path).labferry_run_finished(good)

    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_missing_folder_is_named(tmp_path: Path, good: RunReport) -> None:
    with pytest.raises(NotFoundError) as caught:
        textfile(tmp_path / "missing" / "a.prom").labferry_run_finished(good)

    assert str(tmp_path / "missing" / "a.prom") in str(caught.value)


def test_check_says_whether_it_can_be_written(path: Path, tmp_path: Path) -> None:
    (finding,) = textfile(path).check()
    with pytest.raises(NotFoundError):
        list(textfile(tmp_path / "missing" / "a.prom").check())

    assert finding.severity is Severity.OK
    assert list(tmp_path.iterdir()) == []
