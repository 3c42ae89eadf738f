"""What an author declares to run the suite, and what its cases have in common."""
# ruff: noqa: S101 - assert is how pytest checks

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from labferry.sdk.archive import Checkpoint
from labferry.sdk.settings import JsonValue
from labferry.sdk.sink import Receipt, Sink, StoredArchive
from labferry.testing.samples.archive import SampleArchive
from labferry.testing.samples.attempts import Attempt, Recipe
from labferry.testing.samples.background import Background
from labferry.testing.samples.content import Content
from labferry.testing.samples.documents import MemoryCheckpoint, SampleManifest
from labferry.testing.sink.killing import Outcome, run_in_process, run_in_threads
from labferry.testing.sink.storage import RawStorage

__all__ = ["Background", "ContractBase"]

_MIB = 1 << 20


class ContractBase:
    """What an author declares, beside a pytest fixture `storage` that gives a `RawStorage`.

    Attributes:
        sink_class: The class under test. Its module must be importable, or be a single file.
        in_process: Whether the storage lives in this process's memory. Then kills are played by
            threads that stop for ever, and memory is not measured.
        publishes_atomically: Whether an archive's final name never shows part of it. Where a
            storage can't do that, the manifest alone is the commit mark.
        commits_as_one: Whether archive and manifest become visible in one step, so that neither is
            before the other.
        reads_back_while_sending: Whether what was sent is read back before the archive's end is
            sent, so that what changes in between is not noticed.
        resumes: Whether an interrupted store goes on where it stopped, and so may leave
            something behind when it fails.
        sample_size: The size of ordinary samples, in bytes.
        interrupted_size: The size of archives that are interrupted: several times what the sink
            writes at a time.
        big_size: The size of the big archive, in bytes; set it to 5 GiB now and then.
        memory_limit: How much memory a store of the big archive may take, in bytes.
        kill_points: At how many different calls stores and deletes are killed.
        raw: A second way into the storage, what the fixture `storage` made for the test.
    """

    sink_class: ClassVar[type[Sink[Any]]]
    in_process: ClassVar[bool] = False
    publishes_atomically: ClassVar[bool] = True
    commits_as_one: ClassVar[bool] = False
    reads_back_while_sending: ClassVar[bool] = False
    resumes: ClassVar[bool] = False
    sample_size: ClassVar[int] = 300_007
    interrupted_size: ClassVar[int] = 20 * _MIB + 7
    big_size: ClassVar[int] = 256 * _MIB
    memory_limit: ClassVar[int] = 96 * _MIB
    kill_points: ClassVar[int] = 32

    raw: RawStorage
    _notes: Path
    _settings: dict[str, JsonValue]

    @pytest.fixture(autouse=True)
    def _prepared(self, storage: RawStorage, tmp_path: Path) -> None:
        self.raw = storage
        self._settings = self.make_settings(storage)
        self._notes = tmp_path / "notes"
        self._notes.mkdir()

    def make_settings(self, storage: Any) -> dict[str, JsonValue]:  # noqa: ANN401 - the author's own
        """The destination's table in the configuration, for this storage."""
        raise NotImplementedError

    def broken_settings(self, storage: Any) -> dict[str, dict[str, JsonValue]]:  # noqa: ANN401 - the author's own
        """Tables with which nothing can be stored, each with words that say why.

        A place that can't be written, a wrong password, a server that is not there.
        """
        del storage
        return {}

    @contextmanager
    def sink(self, settings: dict[str, JsonValue] | None = None) -> Iterator[Any]:
        """A new sink over the same storage, closed in the end."""
        table = self._settings if settings is None else settings
        made = self.sink_class("scratch", self.sink_class.Settings.model_validate(table))
        try:
            yield made
        finally:
            made.close()

    def archive(self, job: str = "1", size: int | None = None, **how: Any) -> SampleArchive:  # noqa: ANN401 - SampleArchive's
        """A sample archive, other bytes for every job."""
        content = Content(self.sample_size if size is None else size, job)
        return SampleArchive(content, job=job, md5=self.sink_class.traits.needs_md5, **how)

    def store(self, archive: SampleArchive, checkpoint: Checkpoint | None = None) -> Receipt:
        """Store an archive with a new sink."""
        with self.sink() as sink:
            receipt: Receipt = sink.store(
                archive, SampleManifest(archive), checkpoint or MemoryCheckpoint()
            )
        return receipt

    def listed(self) -> dict[str, StoredArchive]:
        """What a new sink lists, by key; nothing twice."""
        with self.sink() as sink:
            stored = list(sink.list())
        by_key = {each.key: each for each in stored}
        assert len(by_key) == len(stored), f"Listed twice: {[each.key for each in stored]}"
        return by_key

    def fetch(self, stored: StoredArchive, offset: int = 0) -> bytes:
        """What a new sink reads."""
        with self.sink() as sink, sink.open(stored, offset) as file:
            data: bytes = file.read()
        return data

    def attempt(self, *attempts: Attempt) -> list[Outcome]:
        """Make attempts that are killed or measured; none of them may fail by itself."""
        recipe = Recipe.of(self.sink_class, self._settings)
        run = run_in_threads if self.in_process else run_in_process
        outcomes = run(recipe, attempts)
        for outcome in outcomes:
            assert not outcome.error, f"A store or delete failed by itself:\n{outcome.error}"
        return outcomes

    def killed_store(self, job: str, *, size: int, **where: Any) -> Attempt:  # noqa: ANN401 - Attempt's
        """An attempt to store that is to be killed."""
        return Attempt("store", job, size, str(self._notes), **where)

    def assert_committed(self, archive: SampleArchive) -> None:
        """The archive and its manifest are there, whole, and listed."""
        manifest = SampleManifest(archive)
        assert archive.key in self.raw.names(), f"{archive.key} is not in the storage."
        same = self.raw.read(archive.key) == archive.content.read(0, archive.size)
        assert same, f"{archive.key} holds other bytes than the archive."
        assert manifest.key in self.raw.names(), f"{manifest.key} is not in the storage."
        assert self.raw.read(manifest.key) == manifest.seal()
        assert archive.key in self.listed(), f"{archive.key} is committed but not listed."

    def assert_unpublished(self, archive: SampleArchive) -> None:
        """Nobody takes anything for this archive."""
        names = self.raw.names()
        manifest = SampleManifest(archive).key
        assert manifest not in names, f"{manifest} is visible, its archive is not verified."
        if self.publishes_atomically:
            assert archive.key not in names, f"{archive.key} is visible but not verified."
        assert archive.key not in self.listed(), f"{archive.key} is listed but not verified."

    def assert_only(self, *archives: SampleArchive) -> None:
        """The storage holds these archives and manifests and nothing else."""
        expected = {key for each in archives for key in (each.key, SampleManifest(each).key)}
        found = set(self.raw.names())
        assert found == expected, f"Left behind: {found - expected}; lost: {expected - found}"
