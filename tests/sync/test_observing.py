"""Configured observers: told everything in order on a thread of their own, and never in the way."""

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from typing_extensions import override

from labferry.config import ObserverConfig
from labferry.plugins import new_manager
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Checked,
    Observer,
    ObserverSettings,
    Receipt,
    RunReport,
    RunStarted,
    Secret,
    hookimpl,
)
from labferry.sync import observers as observing

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STARTED = RunStarted(7, NOW, ("chem",), ("nas",))
RECEIPT = Receipt("nas", "archive-1", "a/b.zip", 7, Checked.SIZE)
REPORT = RunReport(7, NOW, NOW, 0, (), ())


class Diary(Observer[ObserverSettings]):
    """Writes down what it is told, and on which thread."""

    type = "diary"
    Settings = ObserverSettings
    told: ClassVar[list[str]] = []
    threads: ClassVar[set[int]] = set()

    def __init__(self, name: str, settings: ObserverSettings) -> None:
        super().__init__(name, settings)
        self.note("made")

    def note(self, what: str) -> None:
        self.told.append(f"{self.name} {what}")
        self.threads.add(threading.get_ident())

    @hookimpl
    def labferry_run_started(self, run: RunStarted) -> None:
        self.note(f"run {run.run}")

    @hookimpl
    def labferry_archive_stored(self, receipt: Receipt) -> None:
        self.note(receipt.key)

    @hookimpl
    def labferry_run_finished(self) -> None:
        self.note("finished")

    @override
    def close(self) -> None:
        self.note("closed")


class Failing(Diary):
    """Fails in everything but its making."""

    @override
    def note(self, what: str) -> None:
        if what != "made":
            raise OSError(
                f"no answer from https://ping.example.org/{Secret.plain('h3art').reveal()}"
            )


class Unmakeable(Diary):
    @override
    def note(self, what: str) -> None:
        raise SystemExit(3)


class Stuck(Diary):
    release: ClassVar[threading.Event]

    @override
    def note(self, what: str) -> None:
        if what == "finished":
            self.release.wait(20)


@pytest.fixture(autouse=True)
def _blank_pages() -> Iterator[None]:
    Diary.told.clear()
    Diary.threads.clear()
    Stuck.release = threading.Event()
    yield
    Stuck.release.set()


@pytest.fixture
def run(caplog: pytest.LogCaptureFixture) -> Callable[..., list[str]]:
    """Tell observers of a whole run; returns the warnings."""

    def _run(stop: Stop | None = None, **kinds: type[Observer[Any]]) -> list[str]:
        configs = [
            ObserverConfig(name, kind, ObserverSettings(type="diary"))
            for name, kind in kinds.items()
        ]
        manager = new_manager()
        with (
            caplog.at_level(logging.WARNING),
            observing.observing(configs, manager, stop or Stop()),
        ):
            manager.hook.labferry_run_started(run=STARTED)
            manager.hook.labferry_archive_stored(receipt=RECEIPT)
            manager.hook.labferry_run_finished(report=REPORT)
        assert manager.hook.labferry_run_finished.get_hookimpls() == []
        return caplog.messages

    return _run


def test_an_observer_is_told_everything_in_order_and_closed(run: Callable[..., list[str]]) -> None:
    assert run(one=Diary) == []
    assert Diary.told == [
        "one made",
        "one run 7",
        "one a/b.zip",
        "one finished",
        "one closed",
    ]


def test_each_observer_lives_on_one_thread_that_is_not_the_runs(
    run: Callable[..., list[str]],
) -> None:
    run(one=Diary, two=Diary)

    assert len(Diary.threads) == 2
    assert threading.get_ident() not in Diary.threads


def test_what_one_does_wrong_is_a_warning_without_secrets_and_the_others_are_told(
    run: Callable[..., list[str]],
) -> None:
    warnings = run(bad=Failing, good=Diary)

    why = "OSError: no answer from https://ping.example.org/***"
    assert warnings == [
        f"The observer bad (diary) failed in labferry_run_started: {why}",
        f"The observer bad (diary) failed in labferry_archive_stored: {why}",
        f"The observer bad (diary) failed in labferry_run_finished: {why}",
        f"The observer bad (diary) failed in closing: {why}",
    ]
    assert Diary.told[-1] == "good closed"


def test_one_that_cannot_be_made_is_a_warning(run: Callable[..., list[str]]) -> None:
    assert run(bad=Unmakeable, good=Diary) == [
        "The observer bad (diary) failed in its beginning: SystemExit: 3"
    ]
    assert Diary.told[-1] == "good closed"


def test_one_that_hangs_is_left_behind_with_a_warning(
    run: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "_PATIENCE", 0.1)

    assert run(bad=Stuck, good=Diary) == [
        (
            "labferry no longer waits for the observer bad (diary), which is busy with "
            "labferry_run_finished."
        )
    ]
    assert Diary.told[-1] == "good closed"


def test_a_stopped_run_has_less_patience(
    run: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "_PATIENCE_WHEN_STOPPED", 0.1)
    stop = Stop()
    stop.request(15)

    assert len(run(stop, bad=Stuck)) == 1


def test_they_are_waited_for_when_the_run_fails(caplog: pytest.LogCaptureFixture) -> None:
    config = ObserverConfig("one", Diary, ObserverSettings(type="diary"))
    with pytest.raises(KeyError), observing.observing([config], new_manager(), Stop()):
        raise KeyError

    assert Diary.told == ["one made", "one closed"]
