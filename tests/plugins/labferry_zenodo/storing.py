"""Stores of small archives into an account, as the engine would make them."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.invenio import SimulatedInvenio, StoredRecord

from labferry.sdk import Checkpoint, JsonValue, Receipt, StoredArchive
from labferry.testing.samples.archive import SampleArchive
from labferry.testing.samples.content import Content
from labferry.testing.samples.documents import MemoryCheckpoint, SampleManifest
from labferry_zenodo import ZenodoSettings, ZenodoSink

from .account import Account

SIZE = 3000


def sample(job: str = "1", size: int = SIZE, key: str | None = None) -> SampleArchive:
    return SampleArchive(Content(size, job), job=job, key=key, md5=True)


class Storing:
    """One destination, a new sink for each call, and one checkpoint for each archive."""

    def __init__(self, server: SimulatedInvenio, **changes: JsonValue) -> None:
        self.server = server
        self.account = Account(server)
        self.changes = changes
        self._notes: dict[str, Checkpoint] = {}

    @contextmanager
    def sink(self) -> Iterator[ZenodoSink]:
        table = self.account.settings(**self.changes)
        sink = ZenodoSink("zenodo", ZenodoSettings.model_validate(table))
        try:
            yield sink
        finally:
            sink.close()

    def note(self, archive: SampleArchive) -> Checkpoint:
        return self._notes.setdefault(archive.key, MemoryCheckpoint())

    def forget(self) -> None:
        """The state folder is lost."""
        self._notes.clear()

    def store(self, archive: SampleArchive | None = None) -> Receipt:
        archive = archive or sample()
        with self.sink() as sink:
            return sink.store(archive, SampleManifest(archive), self.note(archive))

    def listed(self) -> list[StoredArchive]:
        with self.sink() as sink:
            return list(sink.list())

    def fetch(self, stored: StoredArchive, offset: int = 0) -> bytes:
        with self.sink() as sink, sink.open(stored, offset) as file:
            return file.read()

    def record(self, archive: SampleArchive | None = None) -> StoredRecord:
        """The only record of an archive."""
        found = self.account.record((archive or sample()).key)
        assert found is not None
        return found

    def asked(self, kind: str) -> int:
        """How many requests of a kind arrived."""
        return sum(each.kind == kind for each in self.server.requests)

    def assert_whole(self, *archives: SampleArchive) -> None:
        """These archives with their manifests are there, and nothing else."""
        expected: dict[str, int] = {}
        for each in archives:
            document = SampleManifest(each).seal()
            expected |= {each.key: each.size, each.key + ".manifest.json": len(document)}
            assert self.account.read(each.key) == each.content.read(0, each.size)
            assert self.account.read(each.key + ".manifest.json") == document
        assert self.account.names() == expected
        assert len(self.account.all()) == len(archives)
