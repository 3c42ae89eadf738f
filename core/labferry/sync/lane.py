"""One lane at work: drives export jobs one after the other, as the lifecycle decides."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from threading import Thread

from typing_extensions import override

from labferry.lifecycle import decide
from labferry.lifecycle.decisions import Deliver, Download, End, Find, Poll, Submit, Suspend, Wait
from labferry.lifecycle.events import (
    Busy,
    Downloaded,
    Ended,
    Event,
    Forgotten,
    Found,
    Lost,
    Reported,
    Submitting,
    Unreachable,
)
from labferry.runtime.log_context import about
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.progress import Activity, ActivityKind
from labferry.runtime.threads import Pulse
from labferry.sdk import (
    AnswerLostError,
    Digests,
    FullError,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    NotFinishedError,
    NotFoundError,
    SlotBusyError,
    StoppedError,
    TransientError,
    redact,
)
from labferry.sdk.waiting import interruptible
from labferry.spool import Declared, SpoolArchive
from labferry.sync.change_detection import examine
from labferry.sync.context import RunContext
from labferry.sync.download import Fetch
from labferry.sync.export_task import ExportQueue, ExportTask
from labferry.sync.fanout import FanOut
from labferry.sync.release import JobReleaser

_log = logging.getLogger(__name__)
_WORTH_THE_WAIT = 1 << 20
"""Bytes of a download that count as a sign of life."""


class LaneWorker(Thread):
    """Works through the exports of one lane, on a thread of its own.

    Args:
        lane: The lane's name.
        queue: Where exports come from.
        fan_out: Takes the archives on to the destinations.
        context: The run.
        releaser: Has the server remove jobs before it is asked for another.

    Attributes:
        pulse: Whether the lane waits for its server, and for how long.
    """

    def __init__(
        self,
        lane: str,
        queue: ExportQueue,
        fan_out: FanOut,
        context: RunContext,
        releaser: JobReleaser,
    ) -> None:
        super().__init__(name=f"lane {lane}", daemon=True)
        self.pulse = Pulse()
        self._lane = lane
        self._queue = queue
        self._fan_out = fan_out
        self._context = context
        self._releaser = releaser
        self._driver: ExportDriver | None = None

    @override
    def run(self) -> None:
        while (task := self._queue.take(self._lane)) is not None:
            driver = ExportDriver(
                task, self._lane, self._fan_out, self._context, self.pulse, self._releaser
            )
            self._driver = driver
            try:
                with (
                    about(run=str(self._context.run), source=task.source.name),
                    interruptible(self._context.stop.check),
                ):
                    driver.run()
            except Exception as error:  # noqa: BLE001 - a stranger's source must not end the run
                problem = wrap_plugin_error(error, f"The source {task.source.name}")
                if driver.is_abandoned:
                    return
                task.problems.append(problem)
                driver.give_up(problem)
                # A job left running holds the server's one slot for this lane, and a server that
                # can't be reached for one export can't be for the next.
                if isinstance(problem, StoppedError | NotFinishedError | TransientError):
                    return

    def abandon(self, error: LabferryError) -> None:
        """Go on without this lane, whose server does not answer. Called from another thread."""
        if self._driver is not None:
            self._driver.abandon(error)


class ExportDriver:
    """One export job, from where it is until its archive is handed to the destinations."""

    def __init__(
        self,
        task: ExportTask,
        lane: str,
        fan_out: FanOut,
        context: RunContext,
        pulse: Pulse,
        releaser: JobReleaser,
    ) -> None:
        self.is_abandoned = False
        self._task = task
        self._lane = lane
        self._fan_out = fan_out
        self._context = context
        self._pulse = pulse
        self._releaser = releaser
        self._policy = context.policy(task.source)
        self._fetch = Fetch(task.source, lane, self._happened, self._judge, self._received)
        self._archive: SpoolArchive | None = None
        self._is_handed_over = False
        self._is_announced = False
        self._awaited = ""
        self._heard = 0
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
            job = self._task.export.job
            match decide(job, self._context.clock.now(), self._policy):
                case Wait(seconds, reason):
                    self._say_waiting(reason)
                    with self._waiting(reason if job.failures else ""):
                        self._context.stop.wait(seconds)
                case Submit():
                    self._submit()
                case Find():
                    self._find()
                case Poll():
                    self._poll()
                case Download():
                    self._download()
                case Deliver():
                    self._deliver()
                    return
                case Suspend(reason, unfinished):
                    raise (NotFinishedError if unfinished else TransientError)(
                        reason, hint="The next run continues from here."
                    )
                case End():
                    self._end(IntegrityError(job.reason))
                    return

    def _deliver(self) -> None:
        """Let the destinations have the archive, if it was held back, and be through with it."""
        if self._archive is not None and not self._is_handed_over:
            self._hand_over(self._archive)
        self._release()

    def abandon(self, error: LabferryError) -> None:
        """Go on without this export's server, which does not answer.

        Called from another thread, while the driver's own is inside the source. The archive stays
        open, as that thread may still write to it; nothing that it does counts any more.
        """
        self.is_abandoned = True
        self._task.problems.append(error)
        if self._archive is not None:
            self._archive.refuse(error)

    def give_up(self, error: LabferryError) -> None:
        """Let whoever follows the archive know that it will not come in this run.

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
                    declared_archive(self._task), md5=self._context.needs_md5
                )
                self._archive.refuse(refusal)
                self._hand_over(self._archive)
        self.give_up(refusal)

    def _was_handed_over(self) -> bool:
        export = self._task.export
        return export.job.offer is not None and bool(self._context.ledger.deliveries(export.id))

    def _release(self) -> None:
        if self._archive is not None:
            archive, self._archive = self._archive, None
            if self._is_handed_over:
                self._fan_out.done(self._task, archive)
            else:
                archive.close()

    def _submit(self) -> None:
        self._context.stop.check()
        source, request = self._task.source, self._task.export.request
        self._releaser.release(source, {self._lane}, self._pulse)
        event = self._asked(lambda: Submitting(source.note_jobs(request, self._lane)))
        self._happened(event)
        if not isinstance(event, Submitting):
            return
        self._say("asking the server for the export")
        try:
            with self._pulse.asking():
                status = source.submit(request, self._lane)
        except SlotBusyError as error:
            self._happened(Busy(str(error), error.retry_after or 0.0))
        except AnswerLostError as error:
            self._happened(Lost(str(error)))
        except TransientError as error:
            self._happened(Unreachable(str(error), error.retry_after or 0.0))
        except StoppedError:
            raise  # the job is as it was; what became of it is for the next run to ask
        except LabferryError as error:
            self._happened(Ended(str(error), error.exit_code))
        else:
            self._happened(Reported(status))

    def _poll(self) -> None:
        self._context.stop.check()
        if not self._is_announced:
            self._is_announced = True
            self._fan_out.announce(self._task.export.source)
        event = self._asked(self._polled)
        if isinstance(event, Reported):
            self._activity.reach(event.status.percent or 0)
        self._happened(event)

    def _polled(self) -> Event:
        job = self._task.export.job
        try:
            return Reported(self._task.source.poll(job.server_job, job.link, self._lane))
        except NotFoundError as error:
            what = f"the server does not know job {job.server_job} any more"
            _log.warning("%s: %s: %s", self._title, what, redact(str(error)))
            return Forgotten(str(error))

    def _find(self) -> None:
        self._context.stop.check()
        source, export = self._task.source, self._task.export
        since = export.job.noted_at or self._context.clock.now()
        self._say("looking for an export whose answer was lost")
        self._happened(
            self._asked(
                lambda: Found(source.find_job(export.request, since, self._lane, export.job.noted))
            )
        )

    def _asked(self, ask: Callable[[], Event]) -> Event:
        """What became of a question that changes nothing at the server."""
        try:
            with self._pulse.asking():
                return ask()
        except TransientError as error:
            return Unreachable(str(error), error.retry_after or 0.0)
        except InvalidAnswerError as error:
            return Unreachable(str(error))
        except StoppedError:
            raise  # the job runs on at the server
        except LabferryError as error:
            return Ended(str(error), error.exit_code)

    def _download(self) -> None:
        archive = self._offered()
        size = archive.declared.size
        self._say("downloading" if size is None else f"downloading {size:,} bytes")
        self._activity.become(ActivityKind.DOWNLOAD, size)
        self._heard = archive.received
        with about(archive=archive.id), self._pulse.asking():
            self._happened(self._fetch(self._task.export.job, archive))

    def _offered(self) -> SpoolArchive:
        """The archive on offer, in the spool and on its way to the destinations."""
        declared = declared_archive(self._task)
        archive = self._archive
        if archive is not None and archive.declared != declared:
            self.give_up(IntegrityError("The server offers another archive than before."))
            archive = None
        if archive is None:
            archive = self._context.spool.open(declared, md5=self._context.needs_md5)
            archive.resume()
            self._archive = archive
            self._is_handed_over = False
            if declared.can_be_followed and not self._task.source.settings.skip_unchanged:
                self._hand_over(archive)
        return archive

    def _hand_over(self, archive: SpoolArchive) -> None:
        self._fan_out.offer(self._task, archive)
        self._is_handed_over = True

    def _judge(self, archive: SpoolArchive, digests: Digests) -> Event:
        self._require_company()
        event = examine(self._context, self._task.source, self._task.export, archive, digests)
        if isinstance(event, Downloaded):
            archive.accept(digests)
        return event

    def _received(self, archive: SpoolArchive) -> None:
        self._require_company()
        self._activity.reach(archive.received)
        if archive.received >= self._heard + _WORTH_THE_WAIT:
            self._heard = archive.received
            self._pulse.beat()
        self._context.stop.check()

    def _require_company(self) -> None:
        """Raise if the run has gone on without this driver."""
        if self.is_abandoned:
            raise NotFinishedError("The run did not wait for the server.")

    def _waiting(self, reason: str) -> AbstractContextManager[None]:
        return self._activity.wait_for(reason) if reason else nullcontext()

    def _happened(self, event: Event) -> None:
        self._require_company()
        export = replace(self._task.export, lane=self._lane)
        self._task.export = self._context.record(export, event, self._policy)

    def _say_waiting(self, reason: str) -> None:
        """Say what is waited for, once and not at every question."""
        if reason != self._awaited:
            self._awaited = reason
            self._say(f"waiting for {reason}")

    def _say(self, what: str) -> None:
        _log.info("%s: %s", self._title, redact(what))

    @property
    def _title(self) -> str:
        return f"{self._task.export.source}: {self._task.export.request.title}"


def declared_archive(task: ExportTask) -> Declared:
    """What an export's archive is said to be, by the ledger."""
    export = task.export
    job, offer = export.job, export.job.offer
    identity, key = export.archive_id, export.archive_key
    if offer is None or not identity or not key:
        raise LabferryError(f"The ledger does not know the archive of {export.request.title}.")
    # What was here once is what must come again: some destinations may have it already.
    known = job.digests
    return Declared(
        id=identity,
        source=export.source,
        key=key,
        size=job.size if offer.size is None else offer.size,
        crc32=known.crc32 if offer.crc32 is None and known is not None else offer.crc32,
        md5=offer.md5,
        sha1=offer.sha1,
        sha256=known.sha256 if offer.sha256 is None and known is not None else offer.sha256,
        sha512=offer.sha512,
    )
