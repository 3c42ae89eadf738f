"""Has servers remove the jobs that are needed no more. What fails is left to a later run."""

import logging
from collections.abc import Collection, Sequence
from threading import Lock, Thread
from typing import Any

from typing_extensions import override

from labferry.ledger import Release
from labferry.runtime.log_context import about
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.threads import Pulse
from labferry.sdk import LabferryError, NotFoundError, Source, StoppedError, TransientError
from labferry.sdk.waiting import interruptible
from labferry.sync.context import RunContext

_log = logging.getLogger(__name__)


class JobReleaser:
    """Removes the jobs of a run's sources, and those that earlier runs left. For all threads.

    Args:
        context: The run.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._lock = Lock()
        self._taken: set[int] = set()

    def release(self, source: Source[Any], lanes: Collection[str], pulse: Pulse) -> None:
        """Have jobs of some lanes removed, each once in a run. A failure is a warning.

        Raises:
            StoppedError: The run is being stopped.
            StateError: The ledger can't be used.
        """
        if not self._context.policy(source).can_release:
            return
        for each in self._take(source, lanes):
            self._context.stop.check()
            if not self._release(source, each, pulse):
                return

    def _take(self, source: Source[Any], lanes: Collection[str]) -> Sequence[Release]:
        due = self._context.ledger.releases.due(source.type, source.url)
        with self._lock:
            mine = [each for each in due if each.lane in lanes and each.id not in self._taken]
            self._taken |= {each.id for each in mine}
        return mine

    def _release(self, source: Source[Any], due: Release, pulse: Pulse) -> bool:
        """Have a job removed; whether there is a point in going on with the next."""
        releases = self._context.ledger.releases
        try:
            with pulse.asking():
                source.release_job(due.job, due.link, due.lane)
        except NotFoundError:
            pass
        except StoppedError:
            raise
        except Exception as error:  # noqa: BLE001 - a stranger's source must not fail the backup
            problem = wrap_plugin_error(error, f"The source {source.name}")
            releases.failed(due, str(problem))
            _log.warning(
                "%s: the server keeps job %s, which is needed no more; a later run tries again: %s",
                source.name,
                due.job or due.link,
                problem,
            )
            return not isinstance(error, TransientError)
        releases.done(due)
        _log.info("%s: job %s was removed at the server", source.name, due.job or due.link)
        return True


class ReleaseWorker(Thread):
    """Has the jobs of one source removed at the end of a run, on a thread of its own.

    Args:
        source: The source.
        lanes: Its lanes.
        releaser: Does it.
        context: The run.

    Attributes:
        pulse: Whether the thread waits for its server, and for how long.
    """

    def __init__(
        self,
        source: Source[Any],
        lanes: Collection[str],
        releaser: JobReleaser,
        context: RunContext,
    ) -> None:
        super().__init__(name=f"releasing {source.name}", daemon=True)
        self.pulse = Pulse()
        self._source = source
        self._lanes = lanes
        self._releaser = releaser
        self._context = context

    @override
    def run(self) -> None:
        try:
            with (
                about(run=str(self._context.run), source=self._source.name),
                interruptible(self._context.stop.check),
            ):
                self._releaser.release(self._source, self._lanes, self.pulse)
        except StoppedError:
            pass
        except LabferryError as error:
            _log.warning("%s: removing jobs failed: %s", self._source.name, error)

    def abandon(self, error: LabferryError) -> None:
        """Go on without the server, which does not answer. Called from another thread."""
        _log.warning("%s: removing jobs is left to a later run: %s", self._source.name, error)
