"""One lane at work: drives export jobs one after the other, as the lifecycle decides."""

import logging
from contextlib import suppress
from dataclasses import replace
from threading import Thread

from typing_extensions import override

from labferry.lifecycle import decide
from labferry.lifecycle.decisions import Deliver, Download, End, Poll, Submit, Suspend, Wait
from labferry.lifecycle.events import (
    Busy,
    Downloaded,
    Ended,
    Event,
    Lost,
    Reported,
    Submitting,
    Unreachable,
)
from labferry.runtime.log_context import about
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.progress import Activity, ActivityKind
from labferry.sdk import (
    AnswerLostError,
    Digests,
    FullError,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    NotFinishedError,
    SlotBusyError,
    StoppedError,
    TransientError,
    redact,
)
from labferry.spool import Declared, SpoolArchive
from labferry.sync.change_detection import examine
from labferry.sync.context import RunContext
from labferry.sync.download import Fetch
from labferry.sync.export_task import ExportQueue, ExportTask
from labferry.sync.fanout import FanOut

_log = logging.getLogger(__name__)


class LaneWorker(Thread):
    """Works through the exports of one lane, on a thread of its own.

    Args:
        lane: The lane's name.
        queue: Where work comes from.
        handover: Takes the archives on to the destinations.
        context: The run.
    """

    def __init__(
        self, lane: str, queue: ExportQueue, handover: FanOut, context: RunContext
    ) -> None:
        super().__init__(name=f"lane {lane}", daemon=True)
        self._lane = lane
        self._queue = queue
        self._handover = handover
        self._context = context

    @override
    def run(self) -> None:
        while (work := self._queue.take(self._lane)) is not None:
            drive = ExportDriver(work, self._lane, self._handover, self._context)
            try:
                with about(run=str(self._context.run), source=work.source.name):
                    drive.run()
            except Exception as error:  # noqa: BLE001 - a stranger's source must not end the run
                problem = wrap_plugin_error(error, f"The source {work.source.name}")
                work.problems.append(problem)
                drive.give_up(problem)
                # A job left running holds the server's one slot for this lane, and a server that
                # can't be reached for one export can't be for the next.
                if isinstance(problem, StoppedError | NotFinishedError | TransientError):
                    return


class ExportDriver:
    """One export job, from where it is to its handover."""

    def __init__(self, work: ExportTask, lane: str, handover: FanOut, context: RunContext) -> None:
        self._work = work
        self._lane = lane
        self._handover = handover
        self._context = context
        self._policy = context.policy(work.source)
        self._fetch = Fetch(work.source, lane, self._happened, self._judge, self._received)
        self._archive: SpoolArchive | None = None
        # Where an archive may turn out to be unchanged, no destination begins before that is known.
        self._holds_back = work.source.settings.skip_unchanged
        self._is_handed_over = False
        self._is_announced = False
        self._awaited = ""
        self._activity = Activity(ActivityKind.EXPORT, self._title, 100)

    def run(self) -> None:
        """Go on until the job is over or can be delivered.

        Raises:
            NotFinishedError: The run's time is over; the job is known to the ledger.
            LabferryError: The run can't go on with the job; the next one can.
        """
        with self._context.progress.showing(self._activity):
            self._go_on()

    def _go_on(self) -> None:
        while True:
            job = self._work.export.job
            match decide(job, self._context.clock.now(), self._policy):
                case Wait(seconds, reason):
                    self._say_waiting(reason)
                    self._context.stop.wait(seconds)
                case Submit():
                    self._submit()
                case Poll():
                    self._poll()
                case Download():
                    self._download()
                case Deliver():
                    self._release()
                    return
                case Suspend(reason, unfinished):
                    raise (NotFinishedError if unfinished else TransientError)(
                        reason, hint="The next run goes on from here."
                    )
                case End():
                    self._end(IntegrityError(job.reason))
                    return

    def give_up(self, error: LabferryError) -> None:
        """Tell whoever follows the archive that it will not come in this run.

        Args:
            error: Why. After an IntegrityError they remove what they have of it; else they keep
                it for the next run.
        """
        if self._archive is not None:
            # Readers raise nothing else: whatever else it is, it holds for this run only.
            is_known = isinstance(error, IntegrityError | StoppedError | TransientError)
            self._archive.refuse(error if is_known else TransientError(str(error)))
            self._release()

    def _end(self, refusal: IntegrityError) -> None:
        """The archive will never come: whoever began to store it is to remove that.

        Those who did so in an earlier run are handed it once more, refused as it is.
        """
        if self._archive is None and self._was_handed_over():
            # With a full disk it can't be: what they have stays for `labferry prune --strays`.
            with suppress(FullError):
                self._archive = self._context.spool.open(
                    declared_archive(self._work), md5=self._context.needs_md5
                )
                self._archive.refuse(refusal)
                self._hand_over(self._archive)
        self.give_up(refusal)

    def _was_handed_over(self) -> bool:
        export = self._work.export
        return export.job.offer is not None and bool(self._context.ledger.deliveries(export.id))

    def _release(self) -> None:
        if self._archive is not None:
            archive, self._archive = self._archive, None
            if self._is_handed_over:
                self._handover.done(self._work, archive)
            else:
                archive.close()

    def _submit(self) -> None:
        self._context.stop.check()
        self._happened(Submitting())
        self._say("asking the server for the export")
        try:
            status = self._work.source.submit(self._work.export.request, self._lane)
        except SlotBusyError as error:
            self._happened(Busy(str(error), error.retry_after or 0.0))
        except AnswerLostError as error:
            self._happened(Lost(str(error)))
        except TransientError as error:
            self._happened(Unreachable(str(error), error.retry_after or 0.0))
        except LabferryError as error:
            self._happened(Ended(str(error), error.exit_code))
        else:
            self._happened(Reported(status))

    def _poll(self) -> None:
        self._context.stop.check()
        if not self._is_announced:
            self._is_announced = True
            self._handover.announce(self._work.export.source)
        job = self._work.export.job
        try:
            status = self._work.source.poll(job.server_job, job.link, self._lane)
        except TransientError as error:
            self._happened(Unreachable(str(error), error.retry_after or 0.0))
        except InvalidAnswerError as error:
            self._happened(Unreachable(str(error)))
        except LabferryError as error:
            self._happened(Ended(str(error), error.exit_code))
        else:
            self._activity.reach(status.percent or 0)
            self._happened(Reported(status))

    def _download(self) -> None:
        archive = self._offered()
        self._say(f"downloading {archive.size:,} bytes")
        self._activity.become(ActivityKind.DOWNLOAD, archive.size)
        with about(archive=archive.id):
            self._happened(self._fetch(self._work.export.job, archive))

    def _offered(self) -> SpoolArchive:
        """The archive on offer, in the spool and on the belts."""
        declared = declared_archive(self._work)
        archive = self._archive
        if archive is not None and (archive.id, archive.size, archive.crc32) != (
            declared.id,
            declared.size,
            declared.crc32,
        ):
            self.give_up(IntegrityError("The server offers another archive than before."))
            archive = None
        if archive is None:
            archive = self._context.spool.open(declared, md5=self._context.needs_md5)
            archive.resume()
            self._archive = archive
            self._is_handed_over = False
            if not self._holds_back:
                self._hand_over(archive)
        return archive

    def _hand_over(self, archive: SpoolArchive) -> None:
        self._handover.offer(self._work, archive)
        self._is_handed_over = True

    def _judge(self, archive: SpoolArchive, digests: Digests) -> Event:
        event = examine(self._context, self._work.source, self._work.export, archive, digests)
        if isinstance(event, Downloaded):
            if not self._is_handed_over:
                self._hand_over(archive)
            archive.accept(digests)
        return event

    def _received(self, archive: SpoolArchive) -> None:
        self._activity.reach(archive.received)
        self._context.stop.check()

    def _happened(self, event: Event) -> None:
        export = replace(self._work.export, lane=self._lane)
        self._work.export = self._context.record(export, event, self._policy)

    def _say_waiting(self, reason: str) -> None:
        """Say what is waited for, once and not at every question."""
        if reason != self._awaited:
            self._awaited = reason
            self._say(f"waiting for {reason}")

    def _say(self, what: str) -> None:
        _log.info("%s: %s", self._title, redact(what))

    @property
    def _title(self) -> str:
        return f"{self._work.export.source}: {self._work.export.request.title}"


def declared_archive(work: ExportTask) -> Declared:
    """What an export's archive is said to be, by the ledger."""
    export = work.export
    offer, identity, key = export.job.offer, export.archive_id, export.archive_key
    if offer is None or offer.size is None or offer.crc32 is None or not identity or not key:
        raise LabferryError(f"The ledger does not know the archive of {export.request.title}.")
    return Declared(identity, export.source, key, offer.size, offer.crc32)
