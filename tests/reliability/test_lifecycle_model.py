"""The state machine against a model of the server: any answers, kills, restarts, clock jumps."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from labferry.lifecycle import ExportJob, Phase, Policy, advance, decide, job_to_release
from labferry.lifecycle.decisions import (
    Deliver,
    Download,
    End,
    Find,
    Poll,
    Submit,
    Suspend,
    Wait,
)
from labferry.lifecycle.events import (
    Busy,
    Corrupted,
    Delivered,
    Downloaded,
    Downloading,
    Event,
    Forgotten,
    Found,
    Gone,
    Lost,
    Misplaced,
    Reported,
    Restarted,
    Submitting,
    Unreachable,
)
from labferry.sdk import Digests, JobState, JobStatus, Offer

_POLICY = Policy(poll_interval=60, job_timeout=1800)
_ASKED = 900.0
"""The longest that the modelled server asks to be left alone, in seconds."""
_LONGEST_WAIT = max(_ASKED, 300.0, _POLICY.settle, _POLICY.poll_interval)
_MOST_WORK = 120
"""Requests that one run may make for one export, at the very most."""
_PIECES = 20
"""Times that a download can make progress: an archive has an end."""
_SHA = Digests("0" * 64, 7)

_waits = st.sampled_from([0.0, 0.0, 5.0, _ASKED])
_away = st.sampled_from([0, 1, 60, -1, -3600, 86_400 * 3, 86_400 * 3650, -86_400 * 3650])


class _End(Enum):
    GOOD = auto()
    FAILED = auto()
    UNREADABLE = auto()


@dataclass
class _Export:
    number: int
    running: bool = True
    end: _End = _End.GOOD
    kept: bool = True


@dataclass
class _Server:
    exports: list[_Export] = field(default_factory=list)

    @property
    def busy(self) -> bool:
        return any(export.running for export in self.exports)

    def begin(self) -> _Export:
        self.exports.append(_Export(len(self.exports) + 1))
        return self.exports[-1]

    def named(self, job: str) -> _Export:
        return self.exports[int(job) - 1]


class Lifecycle(RuleBasedStateMachine):
    """Drives one export as the engine does, and is killed, answered and misled as hypothesis likes.

    Whatever `advance` returns is in the ledger at once, so a kill loses only what the server did
    and nobody was told.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 1, 2, tzinfo=UTC)
        self.job = ExportJob()
        self.server = _Server()
        self.lost = 0
        self.work = 0
        self.pieces = 0
        self.phases = [Phase.PLANNED]
        self.policy = _POLICY
        self.can_find = self.can_release = False
        self.due: list[str] = []
        self.released: list[str] = []

    @initialize(
        minutes=st.none() | st.integers(0, 120), can_find=st.booleans(), can_release=st.booleans()
    )
    def begin(self, minutes: int | None, *, can_find: bool, can_release: bool) -> None:
        self.can_find, self.can_release = can_find, can_release
        self._begin_run(minutes)

    # What the engine does, as `decide` says.

    @precondition(lambda self: isinstance(self._decision, Wait))
    @rule()
    def wait(self) -> None:
        decision = self._decision
        assert isinstance(decision, Wait)
        assert 0 < decision.seconds <= _LONGEST_WAIT
        assert decision.reason
        self.now += timedelta(seconds=decision.seconds)

    @precondition(lambda self: isinstance(self._decision, Submit))
    @rule(
        wait=_waits,
        outcome=st.sampled_from(
            ["good", "good", "unreachable", "lost before", "lost after", "full", "busy"]
        ),
        killed=st.sampled_from([None, None, None, "before", "after"]),
        minutes=st.none() | st.integers(0, 120),
    )
    def submit(self, wait: float, outcome: str, killed: str | None, minutes: int | None) -> None:
        known = self.job.phase in {Phase.RUNNING, Phase.COMPLETED, Phase.VERIFIED}
        assert not known, "asked for an export while one is known"
        if self.can_find:
            assert len(self.server.exports) == self.job.renewals, "one runs that could be found"
        self._happened(Submitting(len(self.server.exports)))
        if killed == "before":
            self.lost += 1
            self.restart(minutes, timedelta())
            return
        event = self._answer(outcome, wait)
        if killed == "after":
            self.lost += not isinstance(event, Lost)
            self.restart(minutes, timedelta())
        else:
            self._happened(event)

    def _answer(self, outcome: str, wait: float) -> Event:
        if outcome == "lost before":
            self.lost += 1
            return Lost("reset")
        if outcome == "unreachable":
            return Unreachable("refused", wait)
        if outcome == "busy" or self.server.busy:
            return Busy("already running", wait)
        if outcome == "full":
            return Reported(JobStatus("9", "/9", JobState.FAILED, reason="full", wait=wait))
        export = self.server.begin()
        if outcome == "lost after":
            self.lost += 1
            return Lost("504")
        job = str(export.number)
        return Reported(JobStatus(job, f"/{job}", JobState.RUNNING, wait=wait))

    @precondition(lambda self: isinstance(self._decision, Find))
    @rule(
        wait=_waits,
        reachable=st.sampled_from([True, True, True, False]),
        killed=st.sampled_from([False, False, True]),
        minutes=st.none() | st.integers(0, 120),
    )
    def find(self, wait: float, minutes: int | None, *, reachable: bool, killed: bool) -> None:
        assert self.can_find
        noted = self.job.noted
        assert isinstance(noted, int)
        new = self.server.exports[noted:]
        if killed:
            self.restart(minutes, timedelta())
        elif reachable:
            self._happened(Found(self._status(new[0], wait) if new else None))
        else:
            self._happened(Unreachable("reset", wait))

    @precondition(lambda self: self.due)
    @rule(outcome=st.sampled_from(["good", "good", "unreachable", "killed"]))
    def release(self, outcome: str) -> None:
        """In whatever run it is: what is due stands in the ledger."""
        if outcome != "unreachable":
            self.released.append(self.due[0])
        if outcome == "good":
            self.due.pop(0)

    @precondition(lambda self: isinstance(self._decision, Poll))
    @rule(
        wait=_waits, outcome=st.sampled_from(["good", "good", "good", "unreachable", "forgotten"])
    )
    def poll(self, wait: float, outcome: str) -> None:
        job = self.job.server_job
        assert job, "asked for a job that has no name"
        if outcome == "forgotten":
            export = self.server.named(job)
            export.running = export.kept = False
            self._happened(Forgotten("404"))
        elif outcome == "good":
            self._happened(Reported(self._status(self.server.named(job), wait)))
        else:
            self._happened(Unreachable("reset", wait))

    def _status(self, export: _Export, wait: float) -> JobStatus:
        job = str(export.number)
        if export.running:
            return JobStatus(job, f"/{job}", JobState.RUNNING, wait=wait)
        if export.end is _End.FAILED:
            return JobStatus(job, f"/{job}", JobState.FAILED, reason="out of memory", wait=wait)
        if export.end is _End.UNREADABLE:
            return JobStatus(job, f"/{job}", JobState.BROKEN, wait=wait)
        size, crc32 = (10, 7) if export.kept else (None, None)
        offer = Offer(f"/{job}.zip", size, crc32, kept_for=172_800)
        return JobStatus(job, f"/{job}", JobState.COMPLETED, offer=offer, wait=wait)

    @precondition(lambda self: isinstance(self._decision, Download))
    @rule(outcome=st.sampled_from(["good", "good", "broken", "unreachable", "damaged", "gone"]))
    def download(self, outcome: str) -> None:
        export = self.server.named(self.job.server_job)
        assert export.end is _End.GOOD, "downloads what the server never finished"
        if outcome == "broken" and self.pieces < _PIECES:
            self.pieces += 1
            self._happened(Downloading('"etag"'))
            self._happened(Unreachable("cut", progressed=True))
        elif outcome in {"broken", "unreachable"}:
            self._happened(Unreachable("reset"))
        elif outcome == "damaged":
            self._happened(Corrupted("another checksum"))
        elif outcome == "gone" or not export.kept:
            self._happened(Gone("404"))
        else:
            self._happened(Downloaded(_SHA))

    @precondition(lambda self: isinstance(self._decision, Deliver))
    @rule(spool_is_whole=st.booleans())
    def deliver(self, *, spool_is_whole: bool) -> None:
        # The engine looks at the spool anew only when a run begins.
        self._happened(Delivered() if spool_is_whole else Misplaced())

    @precondition(lambda self: isinstance(self._decision, Suspend))
    @rule(minutes=st.none() | st.integers(0, 120), days=st.integers(-4000, 4000))
    def next_run(self, minutes: int | None, days: int) -> None:
        self.restart(minutes, timedelta(days=days))

    # What happens to it.

    @precondition(lambda self: not isinstance(self._decision, End))
    @rule(
        minutes=st.none() | st.integers(0, 120),
        away=_away,
    )
    def killed(self, minutes: int | None, away: int) -> None:
        self.restart(minutes, timedelta(seconds=away))

    @precondition(lambda self: isinstance(self._decision, End))
    @rule(away=_away)
    def ended_for_good(self, away: int) -> None:
        """Whatever the clock says, nothing is done about it any more."""
        self.now += timedelta(seconds=away)
        assert self._decision == End()

    @precondition(lambda self: self.server.busy)
    @rule(end=st.sampled_from([_End.GOOD, _End.GOOD, *_End]))
    def export_ends(self, end: _End) -> None:
        export = next(export for export in self.server.exports if export.running)
        export.running, export.end = False, end

    @precondition(lambda self: any(not export.running for export in self.server.exports))
    @rule()
    def archive_expires(self) -> None:
        next(export for export in self.server.exports if not export.running).kept = False

    # What must hold.

    @invariant()
    def exports_are_accounted_for(self) -> None:
        renewed = self.job.renewals
        assert len(self.server.exports) <= 1 + renewed + (0 if self.can_find else self.lost)

    @invariant()
    def what_is_needed_is_not_released(self) -> None:
        if not self.job.phase.is_over:
            assert self.job.server_job not in {*self.due, *self.released}

    @invariant()
    def what_is_needed_no_more_is_released_once(self) -> None:
        assert len({*self.due}) == len(self.due)
        if not self.can_release:
            assert self.due == []
        elif self.job.phase.is_over and self.job.server_job:
            assert self.job.server_job in {*self.due, *self.released}

    @invariant()
    def success_is_the_end_of_a_verified_archive(self) -> None:
        if self.job.phase is Phase.DONE:
            assert self.phases[-2] is Phase.VERIFIED
            assert self.server.named(self.job.server_job).end is _End.GOOD
            assert self.job.digests == _SHA

    @invariant()
    def failure_says_why(self) -> None:
        if self.job.phase is Phase.FAILED:
            assert self.job.reason.endswith((".", "!", "?"))
            assert self.job.exit_code > 0

    @invariant()
    def work_is_bounded(self) -> None:
        assert self.work <= _MOST_WORK

    @property
    def _decision(self) -> object:
        return decide(self.job, self.now, self.policy)

    def restart(self, minutes: int | None, away: timedelta) -> None:
        self.now += away
        self._begin_run(minutes)
        self._happened(Restarted())

    def _begin_run(self, minutes: int | None) -> None:
        deadline = None if minutes is None else self.now + timedelta(minutes=minutes)
        self.policy = Policy(
            poll_interval=_POLICY.poll_interval,
            job_timeout=_POLICY.job_timeout,
            deadline=deadline,
            can_find=self.can_find,
            can_release=self.can_release,
        )
        self.work = self.pieces = 0

    def _happened(self, event: Event) -> None:
        self.work += 1
        before, self.job = self.job, advance(self.job, event, self.now, self.policy)
        ended = job_to_release(before, self.job, self.policy)
        if ended is not None:
            self.due.append(ended.server_job)
        if self.phases[-1] is not self.job.phase:
            self.phases.append(self.job.phase)


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(
    max_examples=150,
    stateful_step_count=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def test_a_run_ends_whatever_the_server_answers() -> None:
    """Each kind of bad answer, for ever, until the run ends the job or leaves it."""
    answers: dict[str, Event] = {
        "unreachable": Unreachable("reset"),
        "broken": Reported(JobStatus("1", "/1", JobState.BROKEN)),
        "running": Reported(JobStatus("1", "/1", JobState.RUNNING)),
        "busy": Busy("already running"),
        "lost": Lost("504"),
        "gone": Gone("404"),
        "forgotten": Forgotten("404"),
        "damaged": Corrupted("another checksum"),
    }
    for name, event in answers.items():
        assert _steps_to_the_end(event) < _MOST_WORK, name


def _steps_to_the_end(event: Event) -> int:
    now, job = datetime(2026, 1, 2, tzinfo=UTC), ExportJob()
    offer = Offer("/1.zip", 10, 7)
    good = {
        Submit: Reported(JobStatus("1", "/1", JobState.RUNNING)),
        Poll: Reported(JobStatus("1", "/1", JobState.COMPLETED, offer=offer)),
    }
    fits: dict[type[Event], type[object]] = {Busy: Submit, Lost: Submit, Gone: Download}
    fits |= {Corrupted: Download, Forgotten: Poll}
    for step in range(10 * _MOST_WORK):
        decision = decide(job, now, _POLICY)
        match decision:
            case Wait(seconds, _):
                now += timedelta(seconds=seconds)
                continue
            case Suspend() | End() | Deliver():
                return step
            case Submit():
                job = advance(job, Submitting(), now, _POLICY)
        wanted = fits.get(type(event), type(decision))
        is_answer = isinstance(event, Reported) and not isinstance(decision, Poll)
        answer = (
            good.get(type(decision), event) if is_answer or wanted is not type(decision) else event
        )
        job = advance(job, answer, now, _POLICY)
    raise AssertionError("it does not end")
