"""The lines that are kept of a run."""

import logging

import pytest

from labferry.sdk import Secret
from labferry.sync.run_log import run_log

OURS = logging.getLogger("labferry.sync.somewhere")
PLUGIN = logging.getLogger("labferry_tape")
LIBRARY = logging.getLogger("somebodys.library")


def test_warnings_of_everybody_and_news_of_labferry_are_kept() -> None:
    with run_log() as log:
        OURS.info("stored %s", "a.zip")
        OURS.debug("a detail")
        PLUGIN.info("the drive\nhums")
        PLUGIN.error("no tape")
        LIBRARY.info("chatter")
        LIBRARY.warning("about to expire")

    assert log.lines == (
        "info: stored a.zip",
        "info: the drive hums",
        "error: no tape",
        "warning: about to expire",
    )


def test_secrets_are_blotted_out() -> None:
    secret = Secret.plain("c4nary-t0ken").reveal()
    with run_log() as log:
        LIBRARY.warning("GET https://monitor.example.org/%s", secret)

    assert log.lines == ("warning: GET https://monitor.example.org/***",)


def test_the_last_hundred_lines_are_kept_and_long_ones_cut() -> None:
    with run_log() as log:
        for number in range(150):
            OURS.info("line %d", number)
        OURS.info("x" * 10_000)

    assert len(log.lines) == 100
    assert log.lines[0] == "info: line 51"
    assert len(log.lines[-1]) < 2100


def test_a_line_that_does_not_fit_its_arguments_is_no_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with run_log() as log:
        logger = logging.getLogger("labferry_odd")
        logger.propagate = True
        record = logger.makeRecord("labferry_odd", logging.INFO, "f", 1, "%d", ("x",), None)
        log.handle(record)

    assert log.lines == ()


def test_logging_is_afterwards_as_it_was_before() -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    with run_log():
        assert OURS.isEnabledFor(logging.INFO)

    assert (root.level, list(root.handlers)) == before
