"""What the ledger asks of its tables, it asks by an index: years of deliveries don't slow it."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime

import pytest

from labferry.ledger import DeliveryState, Export, Ledger

Plan = Callable[..., Export]
Question = Callable[[Ledger, Export, datetime], object]

_LOOKED_THROUGH = re.compile(r"SCAN (?!.*USING (COVERING )?INDEX)")
_PLAIN: dict[str, Question] = {
    "what is left to do": lambda ledger, *_: ledger.unfinished(),
    "the last archive of a series": lambda ledger, export, _: ledger.last_stored(
        export.source, export.request.series
    ),
    "the newest exports": lambda ledger, export, _: ledger.newest(export.source),
    "a run": lambda ledger, export, _: ledger.run(export.run),
    "an export's deliveries": lambda ledger, export, _: ledger.deliveries(export.id),
    "how everything stands": lambda ledger, export, _: ledger.standings({export.source: ["nas"]}),
    "a copy": lambda ledger, *_: ledger.copies.get("nas", "x"),
    "when a copy was verified": lambda ledger, *_: ledger.copies.verified_at("nas", "x"),
    "a manifest": lambda ledger, *_: ledger.copies.document("nas", "x"),
    "the copies at a destination": lambda ledger, *_: ledger.copies.at("nas"),
    "the copies to be read back": lambda ledger, *_: ledger.copies.to_check("nas"),
    "a share to be read back": lambda ledger, _, now: ledger.copies.begin_round("nas", now, now),
}


@pytest.fixture
def asked(ledger: Ledger) -> list[str]:
    """All statements from now on."""
    statements: list[str] = []
    ledger.copies._store.connection.set_trace_callback(statements.append)
    return statements


def plans(ledger: Ledger, statements: Sequence[str]) -> list[str]:
    """How SQLite goes about them, by its own account."""
    connection = ledger.copies._store.connection
    connection.set_trace_callback(None)
    return [
        step[3]
        for statement in statements
        if statement.startswith(("SELECT", "UPDATE", "DELETE"))
        for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]


@pytest.mark.parametrize("question", _PLAIN)
def test_no_question_of_a_run_looks_through_a_table(
    ledger: Ledger, plan: Plan, now: datetime, asked: list[str], question: str
) -> None:
    export = plan()

    _PLAIN[question](ledger, export, now)

    steps = plans(ledger, asked)
    assert steps
    assert [step for step in steps if _LOOKED_THROUGH.search(step)] == []


def test_no_note_of_a_run_looks_through_a_table(
    ledger: Ledger, plan: Plan, now: datetime, asked: list[str]
) -> None:
    export = plan()
    ledger.expect(export.id, ["nas"])
    (delivery,) = ledger.deliveries(export.id)
    assert delivery.state is DeliveryState.PENDING
    ledger.save_delivery(delivery, now)
    ledger.save(export)
    ledger.end_run(export.run, now, 0)

    steps = plans(ledger, asked)
    assert len(steps) >= 4
    assert [step for step in steps if _LOOKED_THROUGH.search(step)] == []


def test_the_standing_of_all_copies_is_found_in_one_pass_over_an_index(
    ledger: Ledger, asked: list[str]
) -> None:
    ledger.standings({})

    steps = plans(ledger, asked)
    passes = [step for step in steps if "copies_present" in step]
    assert passes == ["SCAN copies USING COVERING INDEX copies_present"]


def test_what_is_noted_together_is_noted_wholly_or_not_at_all(ledger: Ledger, plan: Plan) -> None:
    def note(*series: str, error: Exception | None = None) -> None:
        with ledger.together():
            for each in series:
                plan(series=each)
            if error is not None:
                raise error

    with pytest.raises(ZeroDivisionError):
        note("a", "b", error=ZeroDivisionError())
    assert ledger.unfinished() == []

    note("a", "b")
    assert len(ledger.unfinished()) == 2
