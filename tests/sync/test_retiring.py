"""What retention removes after a run, and that a stop keeps it from going on."""

import signal
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from typing_extensions import override

from labferry.config import Kinds, load_config
from labferry.ledger import Delivery, DeliveryState
from labferry.lifecycle import ExportJob, Phase
from labferry.runtime.stop import Stop
from labferry.sdk import Offer, SourceSettings, StoredArchive
from labferry.sync.context import RunContext
from labferry.sync.export_task import ExportTask
from labferry.sync.retention_apply import retire
from labferry.testing.samples import Content, MemoryCheckpoint, SampleArchive, SampleManifest
from labferry.testing.samples.archive import SUBMITTED
from labferry_local import LocalSink

from .conftest import Notebook, request

CONFIG = """\
state_dir = "state"
sources.sample.type = "notebook"
destinations.nas = { type = "local", path = "nas", retention = { keep_last = 1 } }
destinations.offsite = { type = "local", path = "offsite", retention = { keep_last = 1 } }
"""


class Deleting(LocalSink):
    """A folder that counts what it deletes."""

    deleted: ClassVar[list[str]]
    stop: ClassVar[Stop | None]

    @override
    def delete(self, stored: StoredArchive) -> None:
        super().delete(stored)
        type(self).deleted.append(f"{self.name} {stored.manifest.job.id}")
        if self.stop is not None:
            self.stop.request(signal.SIGTERM)


@pytest.fixture
def routed(context: RunContext, tmp_path: Path) -> RunContext:
    """A run to two destinations that keep one archive and hold three."""
    Deleting.deleted, Deleting.stop = [], None
    file = tmp_path / "labferry.toml"
    file.write_text(CONFIG)
    config = load_config(file, Kinds({"notebook": Notebook}, {"local": Deleting}))
    for name, destination in config.destinations.items():
        (tmp_path / name).mkdir()
        with closing(destination.kind(name, destination.settings)) as sink:
            for job in "123":
                archive = SampleArchive(Content(9), job=job)
                sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    return replace(context, config=config, routes={"sample": ("nas", "offsite")})


@pytest.fixture
def task(routed: RunContext) -> ExportTask:
    """The export of the last of them."""
    source = Notebook("sample", SourceSettings(type="notebook"))
    job = ExportJob(Phase.DONE, SUBMITTED, "3", offer=Offer("https://eln/3.zip", 9, 1))
    planned = routed.ledger.plan(routed.run, source, "alice@eln", request("group 23"))
    export = replace(planned, job=job)
    routed.ledger.save(export)
    routed.ledger.expect(export.id, ["nas", "offsite"])
    for name in ("nas", "offsite"):
        routed.ledger.save_delivery(Delivery(export.id, name, DeliveryState.STORED))
    return ExportTask(source, export, frozenset())


def test_every_destination_is_left_with_what_it_keeps(routed: RunContext, task: ExportTask) -> None:
    assert [*retire(routed, [task])] == []
    assert sorted(Deleting.deleted) == ["nas 1", "nas 2", "offsite 1", "offsite 2"]


def test_what_this_run_did_not_store_is_not_looked_at(routed: RunContext, task: ExportTask) -> None:
    failed = Delivery(task.export.id, "nas", DeliveryState.FAILED)
    routed.ledger.save_delivery(failed)
    assert [*retire(routed, [task])] == []
    assert sorted(Deleting.deleted) == ["offsite 1", "offsite 2"]


def test_stop_leaves_the_rest_for_another_time(routed: RunContext, task: ExportTask) -> None:
    Deleting.stop = routed.stop
    assert [*retire(routed, [task])] == []
    assert [each[:3] for each in Deleting.deleted] == ["nas"]
