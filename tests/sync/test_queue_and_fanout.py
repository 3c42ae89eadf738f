"""Which lane takes what, and the count of who still holds an archive."""

import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from labferry.ledger import Delivery, DeliveryState
from labferry.lifecycle import ExportJob, Phase
from labferry.sdk import Checked, Offer, Receipt, StoppedError
from labferry.spool import Declared, SpoolArchive
from labferry.sync.context import RunContext
from labferry.sync.export_task import ExportQueue, ExportTask
from labferry.sync.fanout import DeliveryQueue, DeliveryTask, FanOut, Signal

MakeWork = Callable[..., ExportTask]

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONTENT = b"an archive"
JOB = ExportJob(
    phase=Phase.COMPLETED,
    submitted_at=MOMENT,
    completed_at=MOMENT,
    server_job="9",
    offer=Offer("https://eln/9.zip", len(CONTENT), zlib.crc32(CONTENT)),
)


@pytest.fixture
def settled() -> list[tuple[ExportTask, SpoolArchive]]:
    return []


@pytest.fixture
def queues() -> dict[str, DeliveryQueue]:
    return {"nas": DeliveryQueue(), "offsite": DeliveryQueue()}


@pytest.fixture
def fan_out(
    context: RunContext,
    queues: dict[str, DeliveryQueue],
    settled: list[tuple[ExportTask, SpoolArchive]],
) -> FanOut:
    return FanOut(
        context.ledger,
        context.routes,
        queues,
        lambda work, archive: settled.append((work, archive)),
    )


@pytest.fixture
def offered(work: MakeWork) -> ExportTask:
    return work("alice@eln", job=JOB)


@pytest.fixture
def archive(context: RunContext, offered: ExportTask) -> Iterator[SpoolArchive]:
    export = offered.export
    assert export.archive_id
    assert export.archive_key
    declared = Declared(
        export.archive_id, "chem", export.archive_key, len(CONTENT), zlib.crc32(CONTENT)
    )
    archive = context.spool.open(declared, md5=False)
    yield archive
    archive.close()


def destinations(queues: dict[str, DeliveryQueue]) -> list[str]:
    return [name for name, queue in queues.items() if not queue.empty()]


def test_lane_takes_the_first_that_suits_it(work: MakeWork) -> None:
    first, second, third = work("a"), work("a", "b"), work("b")
    queue = ExportQueue()
    queue.put([first, second, third])
    queue.close()
    assert queue.take("b") is second
    assert queue.take("a") is first
    assert queue.take("a") is None
    assert queue.take("b") is third
    assert queue.take("b") is None


def test_work_without_a_lane_is_taken_by_none(work: MakeWork) -> None:
    queue = ExportQueue()
    queue.put([work()])
    queue.close()
    assert queue.take("a") is None


def test_nothing_is_taken_twice(work: MakeWork) -> None:
    everything = [work("a", "b", series=str(number)) for number in range(40)]
    queue = ExportQueue()
    queue.put(everything)
    queue.close()

    def drain(lane: str) -> list[int]:
        return [each.export.id for each in iter(lambda: queue.take(lane), None)]

    with ThreadPoolExecutor(4) as pool:
        taken = [number for numbers in pool.map(drain, "abab") for number in numbers]
    assert sorted(taken) == [each.export.id for each in everything]


def test_lane_waits_for_what_is_still_being_planned(work: MakeWork) -> None:
    queue, task = ExportQueue(), work("a")
    with ThreadPoolExecutor(1) as pool:
        first, second = (pool.submit(queue.take, "a") for _ in range(2))
        queue.put([task])
        assert first.result(10) is task
        assert not second.done()
        queue.close()
        assert second.result(10) is None


def test_archive_goes_to_every_destination_of_its_source(
    fan_out: FanOut, queues: dict[str, DeliveryQueue], offered: ExportTask, archive: SpoolArchive
) -> None:
    fan_out.offer(offered, archive)
    for queue in queues.values():
        assert queue.get_nowait() == DeliveryTask(offered, archive)


def test_expected_deliveries_are_in_the_ledger_before_anybody_begins(
    context: RunContext, fan_out: FanOut, offered: ExportTask, archive: SpoolArchive
) -> None:
    fan_out.offer(offered, archive)
    known = [each.destination for each in context.ledger.deliveries(offered.export.id)]
    assert known == ["nas", "offsite"]


def test_destination_that_has_the_archive_does_not_get_it_again(
    context: RunContext,
    fan_out: FanOut,
    queues: dict[str, DeliveryQueue],
    offered: ExportTask,
    archive: SpoolArchive,
) -> None:
    number = offered.export.id
    context.ledger.expect(number, ["nas", "offsite"])
    receipt = Receipt("nas", archive.id, archive.key, archive.size, Checked.SIZE)
    context.ledger.save_delivery(Delivery(number, "nas", DeliveryState.STORED, receipt=receipt))
    context.ledger.save_delivery(Delivery(number, "offsite", DeliveryState.FAILED, "Full.", 1))
    fan_out.offer(offered, archive)
    assert destinations(queues) == ["offsite"]


def test_destination_that_is_not_at_work_gets_nothing(
    context: RunContext,
    fan_out: FanOut,
    queues: dict[str, DeliveryQueue],
    offered: ExportTask,
    archive: SpoolArchive,
) -> None:
    context.ledger.expect(offered.export.id, ["removed"])
    fan_out.offer(offered, archive)
    assert destinations(queues) == ["nas", "offsite"]


def test_archive_is_settled_once_when_all_are_through(
    fan_out: FanOut,
    settled: list[tuple[ExportTask, SpoolArchive]],
    offered: ExportTask,
    archive: SpoolArchive,
) -> None:
    fan_out.offer(offered, archive)
    for _ in range(2):
        fan_out.done(offered, archive)
        assert settled == []
    fan_out.done(offered, archive)
    assert settled == [(offered, archive)]


def test_archive_that_nobody_lacks_is_settled_when_the_lane_is_through(
    context: RunContext,
    queues: dict[str, DeliveryQueue],
    settled: list[tuple[ExportTask, SpoolArchive]],
    offered: ExportTask,
    archive: SpoolArchive,
) -> None:
    fan_out = FanOut(
        context.ledger, {"chem": ()}, queues, lambda *what: settled.append((what[0], what[1]))
    )
    fan_out.offer(offered, archive)
    assert destinations(queues) == []
    fan_out.done(offered, archive)
    assert settled == [(offered, archive)]


def test_abandoned_archives_raise_in_their_readers(
    fan_out: FanOut, offered: ExportTask, archive: SpoolArchive
) -> None:
    fan_out.offer(offered, archive)
    fan_out.abandon(StoppedError(15))
    with archive.open() as reader, pytest.raises(StoppedError):
        reader.read(1)


def test_archive_that_everybody_is_through_with_is_not_abandoned(
    fan_out: FanOut, offered: ExportTask, archive: SpoolArchive
) -> None:
    fan_out.offer(offered, archive)
    for _ in range(3):
        fan_out.done(offered, archive)
    fan_out.abandon(StoppedError(15))
    assert not archive.is_refused


def test_closing_tells_every_destination(fan_out: FanOut, queues: dict[str, DeliveryQueue]) -> None:
    fan_out.close()
    assert [queue.get_nowait() for queue in queues.values()] == [Signal.END, Signal.END]


def test_an_announcement_goes_to_the_destinations_of_its_source_that_are_at_work(
    context: RunContext, queues: dict[str, DeliveryQueue]
) -> None:
    routes = {"chem": ("offsite", "elsewhere")}
    FanOut(context.ledger, routes, queues, lambda *_: None).announce("chem")
    assert destinations(queues) == ["offsite"]
    assert queues["offsite"].get_nowait() is Signal.SOON
