"""`labferry plugins validate`: does a destination keep what every destination promises?"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from labferry.actions.selftest.checks import PROMISES, Promise
from labferry.actions.selftest.sandbox import Scratch
from labferry.actions.session import Session, known_destination
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.sdk import redact


class State(StrEnum):
    """What was found out about a promise."""

    KEPT = "kept"
    BROKEN = "broken"
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about one promise.

    Attributes:
        promise: A word for it.
        claim: What is promised, a sentence.
        state: Whether it is kept.
        explanation: Why not; empty where it is kept.
        exit_code: What the process should exit with because of it; 0 unless it is broken.
    """

    promise: str
    claim: str
    state: State
    explanation: str = ""
    exit_code: int = 0


class Validation:
    """One destination on trial. It stores samples there and deletes them in the end.

    Args:
        session: The configuration.
        name: The destination's name in it.

    Attributes:
        left: What could not be deleted, each with the reason; known once all verdicts are.

    Raises:
        ConfigError: There is no such destination.
    """

    def __init__(self, session: Session, name: str) -> None:
        self.left: list[str] = []
        self._scratch = Scratch(known_destination(session.config, name))

    def verdicts(self) -> Iterator[Verdict]:
        """Try the promises one after the other."""
        obstacle = ""
        try:
            for promise in PROMISES:
                verdict = self._try(promise, obstacle)
                if verdict.state is State.BROKEN and promise.is_needed:
                    obstacle = f"Not tried, because {promise.name!r} is broken."
                yield verdict
        finally:
            self.left += map(redact, self._scratch.clean_up())

    def _try(self, promise: Promise, obstacle: str) -> Verdict:
        if promise.stores and not self._scratch.config.kind.traits.can_delete:
            obstacle = (
                obstacle
                or "Not tried, because nothing can be deleted there: the archive would stay."
            )
        if obstacle:
            return Verdict(promise.name, promise.claim, State.UNTRIED, obstacle)
        try:
            promise.try_out(self._scratch)
        except Exception as error:  # noqa: BLE001 - a stranger's plugin must not end the trial
            problem = wrap_plugin_error(error, "Its plugin")
            why = redact(str(problem))
            return Verdict(promise.name, promise.claim, State.BROKEN, why, problem.exit_code)
        return Verdict(promise.name, promise.claim, State.KEPT)
