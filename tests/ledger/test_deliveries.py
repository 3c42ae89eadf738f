"""What the ledger remembers of archives on their way to destinations."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from labferry.ledger import Delivery, DeliveryState, Export, Ledger
from labferry.sdk import Checked, JsonValue, Receipt

Plan = Callable[..., Export]

RECEIPT = Receipt("nas", "a-1", "a/a-1.zip", 1000, Checked.READ_BACK, "file:///nas/a-1.zip", "v7")


def test_expected_deliveries_are_pending(ledger: Ledger, plan: Plan) -> None:
    export = plan()
    ledger.expect(export.id, ["offsite", "nas"])
    assert list(ledger.deliveries(export.id)) == [
        Delivery(export.id, "nas", DeliveryState.PENDING),
        Delivery(export.id, "offsite", DeliveryState.PENDING),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        Delivery(0, "nas", DeliveryState.STORED, receipt=RECEIPT),
        Delivery(0, "nas", DeliveryState.STORED, receipt=replace(RECEIPT, url=None)),
        Delivery(0, "nas", DeliveryState.FAILED, "The disk is full.", 1),
        Delivery(0, "nas"),
    ],
)
def test_delivery_is_read_as_it_was_saved(changes: Delivery, ledger: Ledger, plan: Plan) -> None:
    export = plan()
    ledger.expect(export.id, ["nas"])
    delivery = replace(changes, export=export.id)
    ledger.save_delivery(delivery)
    assert list(ledger.deliveries(export.id)) == [delivery]


def test_expecting_again_keeps_what_is_known_and_adds_what_is_new(
    ledger: Ledger, plan: Plan
) -> None:
    export = plan()
    ledger.expect(export.id, ["nas"])
    ledger.save_delivery(Delivery(export.id, "nas", DeliveryState.STORED, receipt=RECEIPT))
    ledger.expect(export.id, ["nas", "offsite"])
    states = {each.destination: each.state for each in ledger.deliveries(export.id)}
    assert states == {"nas": DeliveryState.STORED, "offsite": DeliveryState.PENDING}


def test_exports_have_deliveries_of_their_own(ledger: Ledger, plan: Plan) -> None:
    first, second = plan(), plan()
    ledger.expect(first.id, ["nas"])
    assert list(ledger.deliveries(second.id)) == []


def test_deliveries_of_an_export_that_begins_anew_are_forgotten(ledger: Ledger, plan: Plan) -> None:
    first, second = plan(), plan()
    for export in (first, second):
        ledger.expect(export.id, ["nas"])
    ledger.forget_deliveries(first)
    assert [len(ledger.deliveries(export.id)) for export in (first, second)] == [0, 1]
    assert len(ledger.unfinished()) == 2


def test_checkpoint_is_empty_at_first(ledger: Ledger, plan: Plan) -> None:
    export = plan()
    assert ledger.checkpoint(export.id, "nas").load() == {}
    ledger.expect(export.id, ["nas"])
    assert ledger.checkpoint(export.id, "nas").load() == {}


def test_checkpoint_is_replaced_not_merged(ledger: Ledger, plan: Plan) -> None:
    export = plan()
    ledger.expect(export.id, ["nas", "offsite"])
    notes: list[dict[str, JsonValue]] = [
        {"upload": "u-1", "parts": [1, 2, {"etag": "ä\"\\'"}], "done": False, "size": 2**60},
        {"draft": None, "share": 0.5},
        {},
    ]
    for note in notes:
        ledger.checkpoint(export.id, "nas").save(note)
        assert ledger.checkpoint(export.id, "nas").load() == note
    assert ledger.checkpoint(export.id, "offsite").load() == {}


def test_checkpoint_outlives_a_change_of_the_delivery(ledger: Ledger, plan: Plan) -> None:
    export = plan()
    ledger.expect(export.id, ["nas"])
    ledger.checkpoint(export.id, "nas").save({"upload": "u-1"})
    ledger.save_delivery(Delivery(export.id, "nas", DeliveryState.FAILED, "Timed out.", 1))
    assert ledger.checkpoint(export.id, "nas").load() == {"upload": "u-1"}


def test_threads_may_share_a_ledger(ledger: Ledger, plan: Plan) -> None:
    exports = [plan(f"s{number}") for number in range(8)]

    def deliver(export: Export) -> None:
        ledger.expect(export.id, ["nas", "offsite"])
        checkpoint = ledger.checkpoint(export.id, "nas")
        for part in range(20):
            checkpoint.save({"source": export.source, "part": part})
            assert checkpoint.load() == {"source": export.source, "part": part}
        ledger.save_delivery(Delivery(export.id, "nas", DeliveryState.STORED, receipt=RECEIPT))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deliver, exports))
    for export in exports:
        states = [each.state for each in ledger.deliveries(export.id)]
        assert states == [DeliveryState.STORED, DeliveryState.PENDING]


def test_numbers_are_right_when_threads_plan_side_by_side(ledger: Ledger, plan: Plan) -> None:
    with ThreadPoolExecutor(8) as pool:
        exports = list(pool.map(plan, [f"s{number}" for number in range(100)]))
    known = {export.id: export.source for export in ledger.unfinished()}
    assert known == {export.id: export.source for export in exports}
