"""One destination at work: takes parcels off its belt and has its sink store them."""

import logging
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
    PluginError,
    Receipt,
    Sink,
    StoppedError,
    redact,
)
from labferry.sync.context import RunContext
from labferry.sync.encrypted_delivery import EncryptedDelivery
from labferry.sync.fanout import DeliveryQueue, DeliveryTask, FanOut, Signal
from labferry.sync.manifests import CopyManifest
from labferry.sync.read_back import read_share

_log = logging.getLogger(__name__)


class DestinationWorker(Thread):
    """Delivers to one destination, one archive after the other, on a thread of its own.

    Args:
        name: The destination's name in the configuration.
        context: The run.
        belt: Where parcels come from.
        handover: Every parcel is given back to it once it is dealt with.

    Attributes:
        problems: What is wrong with copies that were stored earlier.
    """

    def __init__(
        self, name: str, context: RunContext, belt: DeliveryQueue, handover: FanOut
    ) -> None:
        super().__init__(name=f"destination {name}", daemon=True)
        self._destination = name
        self._context = context
        self._belt = belt
        self._handover = handover
        self.problems: list[LabferryError] = []
        self._furthest = 0.0

    @override
    def run(self) -> None:
        sink: Sink[Any] | None = None
        while (parcel := self._belt.get()) is not Signal.END:
            if isinstance(parcel, Signal):
                sink = sink or self._prepared()
                continue
            try:
                with about(
                    run=str(self._context.run),
                    source=parcel.archive.source,
                    archive=parcel.archive.id,
                    destination=self._destination,
                ):
                    sink = sink or self._make_sink()
                    self._deliver(sink, parcel)
            except Exception as error:  # noqa: BLE001 - a stranger's sink must not end the run
                self._failed(parcel, wrap_plugin_error(error, f"The sink of {self._destination}"))
            finally:
                self._handover.done(parcel.work, parcel.archive)
        sink = self._prove(sink)
        if sink is not None:
            self._close(sink)

    def _prepared(self) -> Sink[Any] | None:
        """A sink that is ready, if that is possible; the first delivery tells why not."""
        sink = None
        try:
            sink = self._make_sink()
            sink.prepare()
        except Exception as error:  # noqa: BLE001 - a stranger's sink must not end the run
            _log.debug("%s: not ready yet: %s", self._destination, redact(str(error)))
        return sink

    def _prove(self, sink: Sink[Any] | None) -> Sink[Any] | None:
        """Read back this run's share of what is stored."""
        settings = self._context.config.destinations[self._destination].settings
        if settings.verify is None or settings.verify.every is None:
            return sink
        try:
            self._context.stop.check()
            sink = sink or self._make_sink()
            for problem in read_share(self._context, sink):
                self._note(problem, is_required=settings.required)
        except StoppedError:
            pass
        except Exception as error:  # noqa: BLE001 - a stranger's sink must not end the run
            failure = wrap_plugin_error(error, f"The sink of {self._destination}")
            failure.message = f"{self._destination}: reading back failed: {failure.message}"
            self._note(failure, is_required=settings.required)
        return sink

    def _note(self, problem: LabferryError, *, is_required: bool) -> None:
        if is_required:
            self.problems.append(problem)
        else:
            _log.warning("%s", problem)

    def _make_sink(self) -> Sink[Any]:
        config = self._context.config.destinations[self._destination]
        return config.kind(config.name, config.settings)

    def _deliver(self, sink: Sink[Any], parcel: DeliveryTask) -> None:
        store = self._way(parcel)
        self._furthest = 0.0
        receipt = retry(
            lambda: store(sink),
            self._context.stop,
            f"{self._destination}: {parcel.archive.id}",
            self._context.retry_policy,
            reached=lambda: self._furthest,
            is_hopeless=lambda: parcel.archive.is_refused,
        )
        self._stored(parcel, receipt)

    def _way(self, parcel: DeliveryTask) -> Callable[[Sink[Any]], Receipt]:
        """How this destination gets an archive: as it is, or encrypted."""
        ledger, export = self._context.ledger, parcel.work.export
        checkpoint = ledger.checkpoint(export.id, self._destination)
        encrypt = self._context.config.destinations[self._destination].settings.encrypt
        if encrypt is not None:
            delivery = EncryptedDelivery(
                *(self._context, self._destination, Recipients(encrypt.recipients)),
                *(parcel, checkpoint),
            )
            return lambda sink: delivery.store(sink, self._store)
        return lambda sink: self._store(
            sink,
            parcel.archive,
            CopyManifest(
                *(self._destination, export, parcel.archive, ledger, self._context.clock),
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
                self._furthest = max(self._furthest, offset)

            receipt = sink.store(TrackedArchive(archive, reach), manifest, checkpoint)
        stored = (receipt.archive_id, receipt.key, receipt.size)
        if stored != (archive.id, archive.key, archive.size):
            raise PluginError(
                f"The sink of {self._destination} returned a receipt for another archive."
            )
        return receipt

    def _stored(self, parcel: DeliveryTask, receipt: Receipt) -> None:
        receipt = replace(receipt, destination=self._destination)
        self._save(parcel, Delivery(0, "", DeliveryState.STORED, receipt=receipt))
        _log.info("%s: stored %s (%s)", self._destination, receipt.key, receipt.checked)
        self._context.tell_stored(receipt)

    def _failed(self, parcel: DeliveryTask, error: LabferryError) -> None:
        # Where the archive itself never came, that is told once, not by every destination.
        if isinstance(error, StoppedError) or parcel.archive.is_refused:
            return
        reason = redact(str(error))
        # The run's report says why; -vv says it as soon as it happens.
        _log.debug("%s: %s is not stored: %s", self._destination, parcel.archive.id, reason)
        failed = Delivery(0, "", DeliveryState.FAILED, reason=reason, exit_code=error.exit_code)
        try:
            self._save(parcel, failed)
        except LabferryError as problem:
            parcel.work.problems += [error, problem]

    def _save(self, parcel: DeliveryTask, delivery: Delivery) -> None:
        self._context.ledger.save_delivery(
            replace(delivery, export=parcel.work.export.id, destination=self._destination),
            self._context.clock.now(),
        )

    def _close(self, sink: Sink[Any]) -> None:
        try:
            sink.close()
        except Exception as error:  # noqa: BLE001 - everything is stored already
            _log.warning("%s: closing failed: %s", self._destination, redact(str(error)))
