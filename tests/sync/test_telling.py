"""What observers are told of whole runs."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typing_extensions import override

from labferry.config import Kinds, load_config
from labferry.ledger import Ledger
from labferry.plugins import load_plugins
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Checked,
    ExportReport,
    Freshness,
    Outcome,
    Receipt,
    RefusedError,
    RunReport,
    RunStarted,
    Secret,
    hookimpl,
)
from labferry.sync.outcome import is_complete
from labferry.sync.run import run_sync
from labferry_local import LocalSink

from .one_archive import OneArchive

CONFIG = """\
state_dir = "state"
sources.chem.type = "refusing"
destinations.nas = { type = "local", path = "nas" }
"""
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Refusing(OneArchive):
    """Nobody is let in."""

    type = "refusing"

    @override
    def lanes(self) -> list[str]:
        raise RefusedError("The key is not accepted.")


class Unmakeable(Refusing):
    def __init__(self, *_: object) -> None:
        raise RuntimeError(f"no luck with {Secret.plain('c4nary').reveal()}")


class Ear:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.started: list[RunStarted] = []
        self.finished: list[RunReport] = []

    @hookimpl
    def labferry_run_started(self, run: RunStarted) -> None:
        self.started.append(run)

    @hookimpl
    def labferry_run_finished(self, report: RunReport) -> None:
        self.finished.append(report)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def run(tmp_path: Path, ear: Ear) -> Callable[[type[Refusing]], RunReport]:
    def _run(kind: type[Refusing]) -> RunReport:
        file = tmp_path / "labferry.toml"
        file.write_text(CONFIG)
        config = load_config(file, Kinds({"refusing": kind}, {"local": LocalSink}))
        plugins = load_plugins([])
        plugins.manager.register(ear)
        return run_sync(config, plugins, {"chem": ("nas",)}, Stop())

    return _run


def test_beginning_and_end_of_a_run_are_told(
    run: Callable[[type[Refusing]], RunReport], ear: Ear
) -> None:
    report = run(Refusing)

    (started,) = ear.started
    assert (started.run, started.sources, started.destinations) == (1, ("chem",), ("nas",))
    assert ear.finished == [report]
    assert (report.exit_code, report.complete, report.previous_exit_code) == (5, False, None)


def test_a_run_that_cannot_go_on_is_told_too(
    run: Callable[[type[Refusing]], RunReport], ear: Ear
) -> None:
    with pytest.raises(RuntimeError):
        run(Unmakeable)

    (report,) = ear.finished
    assert (report.complete, report.exports) == (False, ())
    assert report.exit_code != 0
    assert "RuntimeError: no luck with ***" in report.problems[0]


@pytest.mark.parametrize(
    ("codes", "expected"), [([], None), ([0], 0), ([0, 3], 3), ([3, 75, 75], 3), ([3, 143], 3)]
)
def test_the_report_knows_how_the_last_decided_run_ended(
    run: Callable[[type[Refusing]], RunReport],
    tmp_path: Path,
    codes: list[int],
    expected: int | None,
) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    ledger = Ledger(tmp_path / "state" / "ledger.db")
    for code in codes:
        ledger.end_run(ledger.begin_run(NOW), NOW, code)
    ledger.begin_run(NOW)
    ledger.close()

    assert run(Refusing).previous_exit_code == expected


def _report(
    *destinations: str, exit_code: int = 0, freshness: tuple[Freshness, ...] = ()
) -> RunReport:
    receipts = tuple(Receipt(name, "a", "a.zip", 1, Checked.SIZE) for name in destinations)
    export = ExportReport("chem", "s", "t", Outcome.STORED, 0, "a", 1, receipts, ())
    exports = (export,) if receipts else ()
    return RunReport(1, NOW, NOW, exit_code, exports, (), freshness)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (_report("nas", "offsite"), True),
        (_report("nas", "offsite", "extra"), True),
        (_report("nas"), False),
        (_report("nas", "offsite", exit_code=3), False),
        (_report("nas", "offsite", exit_code=75), False),
        (_report("nas", "offsite", freshness=(Freshness("chem", "nas", NOW, pending=1),)), False),
        (_report("nas", "offsite", freshness=(Freshness("chem", "nas", NOW, problem="x"),)), False),
        (_report("nas", "offsite", freshness=(Freshness("chem", "nas"),)), False),
        (_report("nas", "offsite", freshness=(Freshness("chem", "nas", NOW),)), True),
        (_report("nas", "offsite", freshness=(Freshness("chem", "extra", problem="x"),)), True),
        (_report("nas", "offsite", freshness=(Freshness("bio", "nas", problem="x"),)), True),
        (_report(), True),
        (_report(freshness=(Freshness("chem", "nas"),)), True),
    ],
)
def test_complete_is_what_every_required_destination_has(
    report: RunReport, *, expected: bool
) -> None:
    assert is_complete(report, {"chem": {"nas", "offsite"}}) is expected
