"""What a server no longer lists is reported once, with the last archive that there is."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from labferry.ledger import Export
from labferry.lifecycle import ExportJob, Phase
from labferry.sdk import ExitCode, ExportRequest, LabferryError
from labferry.sync.context import RunContext
from labferry.sync.planning import Planner

Left = Callable[..., Export]
Notebook = Any  # the source of conftest.py, which answers what it is told

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DONE = ExportJob(phase=Phase.DONE, submitted_at=NOW)


@pytest.fixture
def chem(chem: Notebook, monkeypatch: pytest.MonkeyPatch) -> Notebook:
    """A source whose server lists nothing but what it plans."""

    def vanished(known: Sequence[ExportRequest]) -> Sequence[ExportRequest]:
        return known

    monkeypatch.setattr(chem, "vanished", vanished)
    chem.wanted = [ExportRequest("user-1", "work of alice", {})]
    return chem


def problems(context: RunContext, source: Notebook) -> list[LabferryError]:
    planner = Planner(context, source, [], deliver=lambda _: None, export=lambda _: None)
    planner.run()
    assert [task.export.request.series for task in planner.new] == [
        request.series for request in source.wanted
    ]
    return planner.problems


def stored(context: RunContext, export: Export, destination: str, identity: str) -> None:
    store = context.ledger.copies._store
    store.execute(
        "INSERT INTO copies (destination, archive_id, source, series, key, size, sha256, "
        "submitted_at, stored_at) VALUES (?, ?, ?, ?, 'key', 1, 'ab', ?, 1)",
        *(destination, identity, export.source, export.request.series, int(identity)),
    )


def test_vanished_user_is_reported_once_with_the_last_archive(
    context: RunContext, chem: Notebook, left: Left
) -> None:
    export = left(chem, DONE, series="user-2", exit_code=0)
    for destination, identity in (("nas", "1"), ("offsite", "2"), ("nas", "2")):
        stored(context, export, destination, identity)
    (problem,) = problems(context, chem)
    assert problem.exit_code == ExitCode.PARTIAL
    assert problem.message.startswith(
        f'chem: The server no longer lists what was exported as "{export.request.title}"'
    )
    assert "Its last archive is 2, at nas and offsite." in problem.message
    context.ledger.end_run(context.run, NOW, 3)
    assert problems(context, chem) == []


def test_vanished_user_who_never_had_an_archive_is_reported_too(
    context: RunContext, chem: Notebook, left: Left
) -> None:
    left(chem, DONE, series="user-2", exit_code=0)
    (problem,) = problems(context, chem)
    assert "No archive of it was ever stored." in problem.message


def test_run_that_was_killed_has_reported_nothing(
    context: RunContext, chem: Notebook, left: Left
) -> None:
    left(chem, DONE, series="user-2", exit_code=0)
    assert len(problems(context, chem)) == 1
    assert len(problems(context, chem)) == 1


def test_user_who_came_back_and_vanished_again_is_reported_again(
    context: RunContext, chem: Notebook, left: Left
) -> None:
    left(chem, DONE, series="user-2", exit_code=0)
    assert len(problems(context, chem)) == 1
    context.ledger.end_run(context.run, NOW, 3)
    alone = chem.wanted
    chem.wanted = [*alone, ExportRequest("user-2", "work of bob", {})]
    assert problems(context, chem) == []
    chem.wanted = alone
    (problem,) = problems(context, chem)
    assert '"work of bob"' in problem.message


def test_series_of_another_server_has_not_vanished_from_this_one(
    context: RunContext, chem: Notebook, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    left(chem, DONE, series="user-2", exit_code=0)
    monkeypatch.setattr(type(chem), "url", "https://other.example.edu")
    assert problems(context, chem) == []


def test_source_that_can_not_tell_is_exported_all_the_same(
    context: RunContext,
    chem: Notebook,
    left: Left,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def vanished(known: object) -> Sequence[ExportRequest]:
        raise ZeroDivisionError(str(known))

    monkeypatch.setattr(chem, "vanished", vanished)
    left(chem, DONE, series="user-2", exit_code=0)
    assert problems(context, chem) == []
    assert "It is not known what the server no longer lists" in caplog.text
