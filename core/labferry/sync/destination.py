"""One destination at work: takes archives off its queue and has its sink store them."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Thread
from typing import Any

from typing_extensions import override

from labferry.encryption import Recipients
from labferry.ledger import Delivery, DeliveryState
from labferry.runtime.log_context import about
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.progress import ActivityKind, TrackedArchive
from labferry.runtime.retry import retry
from labferry.sdk import (
    Archive,
    Checkpoint,
    LabferryError,
    ManifestDraft,
    Pacer,
    PluginError,
    Receipt,
    Sink,
    StoppedError,
    TransientError,
    redact,
)
from labferry.sdk.waiting import interruptible, pause
from labferry.spool import FollowedArchive
from labferry.sync.context import RunContext
from labferry.sync.encrypted_delivery import EncryptedDelivery
from labferry.sync.fanout import DeliveryQueue, DeliveryTask, FanOut, Signal
from labferry.sync.manifests import CopyManifest
from labferry.sync.read_back import read_share

_log = logging.getLogger(__name__)
_STALLED = 60.0
"""Seconds in which less than `_LEAST` came: the archive may have to wait for others."""
_LEAST = 1 << 20
"""Bytes."""


class DestinationWorker(Thread):
    """Delivers to one destination, one archive after the other, on a thread of its own.

    Args:
        name: The destination's name in the configuration.
        context: The run.
        queue: Where archives come from.
        fan_out: Learns of each archive once it is dealt with.

    Attributes:
        problems: What is wrong with copies that were stored earlier.
    """

    def __init__(
        self, name: str, context: RunContext, queue: DeliveryQueue, fan_out: FanOut
    ) -> None:
        super().__init__(name=f"destination {name}", daemon=True)
        self._destination = name
        self._context = context
        self._queue = queue
        self._fan_out = fan_out
        self.problems: list[LabferryError] = []
        self._aside: list[DeliveryTask] = []
        self._is_ended = False
        self._attempt = _Attempt()
        self._check = context.checks[name]

    @override
    def run(self) -> None:
        with interruptible(self._context.stop.check):
            self._work()

    def _work(self) -> None:
        sink: Sink[Any] | None = None
        self._look()
        while (task := self._next()) is not Signal.END:
            if isinstance(task, Signal):
                sink = sink or self._prepared()
                continue
            try:
                with about(
                    run=str(self._context.run),
                    source=task.archive.source,
                    archive=task.archive.id,
                    destination=self._destination,
                ):
                    sink = sink or self._make_sink()
                    self._deliver(sink, task)
                    self._check.mark(sink)
            except Exception as error:  # noqa: BLE001 - a stranger's sink must not end the run
                if self._attempt.is_set_aside and not task.archive.is_refused:
                    _log.info("%s: %s has stopped arriving", self._destination, task.archive.id)
                    self._aside.append(task)
                    continue
                self._failed(task, wrap_plugin_error(error, f"The sink of {self._destination}"))
            self._fan_out.done(task.export, task.archive)
        sink = self._read_back(sink)
        if sink is not None:
            self._close(sink)
        if self._check.problem is not None and self._check.is_relied_on:
            self._note(self._check.problem)

    def _look(self) -> None:
        """Look whether the destination is the same as before, with the newest archives in it."""
        traits = self._context.config.destinations[self._destination].kind.traits
        try:
            for problem in self._check.look(self._make_sink, traits):
                self._note(problem)
        except StoppedError:
            pass
        finally:
            self._check.finish()

    def _next(self) -> DeliveryTask | Signal:
        """What to do next: what was set aside has to wait for what can be stored at once."""
        if not self._is_ended and (not self._aside or self._queue.has_verified):
            task = self._queue.get()
            if task is not Signal.END or not self._aside:
                return task
            self._is_ended = True
        return self._aside.pop(0) if self._aside else Signal.END

    def _prepared(self) -> Sink[Any] | None:
        """A sink that is ready, if that is possible; the first delivery says why not."""
        sink = None
        try:
            sink = self._make_sink()
            sink.prepare()
        except Exception as error:  # noqa: BLE001 - a stranger's sink must not end the run
            _log.debug("%s: not ready yet: %s", self._destination, redact(str(error)))
        return sink

    def _read_back(self, sink: Sink[Any] | None) -> Sink[Any] | None:
        """Read back this run's share of what is stored."""
        settings = self._context.config.destinations[self._destination].settings
        if settings.verify is None or settings.verify.every is None:
            return sink
        try:
            self._context.stop.check()
            sink = sink or self._make_sink()
            for problem in read_share(self._context, sink):
                self._note(problem)
        except StoppedError:
            pass
        except Exception as error:  # noqa: BLE001 - a stranger's sink must not end the run
            failure = wrap_plugin_error(error, f"The sink of {self._destination}")
            failure.message = f"{self._destination}: reading back failed: {failure.message}"
            self._note(failure)
        return sink

    def _note(self, problem: LabferryError) -> None:
        if self._context.config.destinations[self._destination].settings.required:
            self.problems.append(problem)
        else:
            _log.warning("%s", problem)

    def _make_sink(self) -> Sink[Any]:
        config = self._context.config.destinations[self._destination]
        return config.kind(config.name, config.settings)

    def _deliver(self, sink: Sink[Any], task: DeliveryTask) -> None:
        attempt = self._attempt = _Attempt()
        archive = task.archive.followed(
            lambda: attempt.check(task.archive.received, others_wait=self._queue.has_verified)
        )
        store = self._way(task, archive)
        receipt = retry(
            lambda: store(sink),
            self._context.stop,
            f"{self._destination}: {archive.id}",
            self._context.retry_policy,
            reached=lambda: attempt.furthest,
            is_hopeless=lambda: task.archive.is_refused or attempt.is_set_aside,
        )
        self._stored(task, receipt)

    def _way(self, task: DeliveryTask, archive: FollowedArchive) -> Callable[[Sink[Any]], Receipt]:
        """How this destination gets an archive: as it is, or encrypted."""
        ledger, export = self._context.ledger, task.export.export
        checkpoint = ledger.checkpoint(export.id, self._destination)
        encrypt = self._context.config.destinations[self._destination].settings.encrypt
        if encrypt is not None:
            delivery = EncryptedDelivery(
                self._context,
                self._destination,
                Recipients(encrypt.recipients),
                export=export,
                plain=archive,
                checkpoint=checkpoint,
            )
            return lambda sink: delivery.store(sink, self._store)
        return lambda sink: self._store(
            sink,
            archive,
            CopyManifest(
                self._destination,
                export,
                archive,
                ledger,
                self._context.clock,
                needs_md5=sink.traits.needs_md5,
            ),
            checkpoint,
        )

    def _store(
        self, sink: Sink[Any], archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint
    ) -> Receipt:
        subject = f"{self._destination}: {archive.id}"
        with self._context.progress.activity(ActivityKind.STORE, subject, archive.size) as activity:

            def reach(offset: int) -> None:
                activity.reach(offset)
                self._attempt.furthest = max(self._attempt.furthest, offset)

            pacer = Pacer(sink.settings.bandwidth_limit, sleep=pause)
            tracked = TrackedArchive(archive, reach, pacer)
            receipt = sink.store(tracked, _UnbrokenManifest(manifest, tracked), checkpoint)
            tracked.require_unbroken()
        stored = (receipt.archive_id, receipt.key, receipt.size)
        if stored != (archive.id, archive.key, archive.size):
            raise PluginError(
                f"The sink of {self._destination} returned a receipt for another archive."
            )
        return receipt

    def _stored(self, task: DeliveryTask, receipt: Receipt) -> None:
        check = task.export.export.job.download_check
        receipt = replace(receipt, destination=self._destination, download_check=check)
        self._save(task, Delivery(0, "", DeliveryState.STORED, receipt=receipt))
        _log.info("%s: stored %s (%s)", self._destination, receipt.key, receipt.checked)
        self._context.notify_stored(receipt)

    def _failed(self, task: DeliveryTask, error: LabferryError) -> None:
        # If the archive itself never came, that is said once, not by every destination.
        if isinstance(error, StoppedError) or task.archive.is_refused:
            return
        reason = redact(str(error))
        # The run's report says why; -vv says it as soon as it happens.
        _log.debug("%s: %s is not stored: %s", self._destination, task.archive.id, reason)
        failed = Delivery(0, "", DeliveryState.FAILED, reason=reason, exit_code=error.exit_code)
        try:
            self._save(task, failed)
        except LabferryError as problem:
            task.export.problems += [error, problem]

    def _save(self, task: DeliveryTask, delivery: Delivery) -> None:
        self._context.ledger.save_delivery(
            replace(delivery, export=task.export.export.id, destination=self._destination),
            self._context.clock.now(),
        )

    def _close(self, sink: Sink[Any]) -> None:
        try:
            sink.close()
        except Exception as error:  # noqa: BLE001 - everything is stored already
            _log.warning("%s: closing failed: %s", self._destination, redact(str(error)))


class _UnbrokenManifest(ManifestDraft):
    """A manifest that is sealed only if every reader of its archive came to its end.

    Args:
        manifest: The manifest.
        archive: The archive, as the sink has it.
    """

    def __init__(self, manifest: ManifestDraft, archive: TrackedArchive) -> None:
        self.key = manifest.key
        self._manifest = manifest
        self._archive = archive

    @override
    def seal(self) -> bytes:
        self._archive.require_unbroken()
        return self._manifest.seal()


class _Attempt:
    """One archive on its way to a destination.

    Attributes:
        furthest: How far the sink got, in bytes.
        is_set_aside: Whether it has to wait for others, as nothing more comes from its server.
    """

    def __init__(self) -> None:
        self.furthest = 0.0
        self.is_set_aside = False
        self._mark = 0
        self._marked_at = time.monotonic()

    def check(self, received: int, *, others_wait: bool) -> None:
        """Raise TransientError if the archive does not come on while another could be stored."""
        now = time.monotonic()
        if received >= self._mark + _LEAST:
            self._mark, self._marked_at = received, now
        elif others_wait and now - self._marked_at >= _STALLED:
            self.is_set_aside = True
            raise TransientError("The archive has stopped arriving. Others go first.")
