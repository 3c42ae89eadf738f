"""Everything labferry reports as a failure.

The tree, with the exit code each class leads to when it is the only thing that went wrong::

    LabferryError                  1   the root; catch this to catch all of it
    ├── ConfigError                2   the configuration is wrong, nothing was started
    │   └── PluginError            2   a plugin that the configuration needs is missing or broken
    ├── LockHeldError             11   another run works on the same state folder
    ├── StateError                 1   the state folder can't be used
    ├── NotFinishedError          75   the server is still exporting; the next run goes on
    ├── StoppedError        130, 143   a signal ended the run; the next run goes on
    ├── ExportFailedError          1   the server ended the export without a usable archive
    ├── IncompleteError            3   a part of what was asked for can't be had
    ├── IntegrityError             4   bytes differ from what was declared or stored
    ├── RefusedError               5   credentials or permissions
    │   └── HeldError              5   protected from removal for now, by a lock or a hold
    ├── NotFoundError              1   the named thing is not there
    ├── ConflictError              1   something else already has that name
    ├── FullError                  1   no space or quota left
    ├── InvalidAnswerError         1   an answer that can't be what was asked for
    └── TransientError             1   may well work later
        ├── SlotBusyError          1   the server already runs an export for this credential
        ├── AnswerLostError        1   the request went out, its answer never came
        └── UnavailableError       1   the server is down, restarting or takes no requests

Plugins raise the lower half (from ExportFailedError on) to classify what happened. The core then
decides whether, when and how often to try again. A plugin may repeat a single request that a
server refused for a moment, within seconds; it raises TransientError for everything longer.
"""

from collections.abc import Iterable
from enum import IntEnum

__all__ = [
    "AnswerLostError",
    "ConfigError",
    "ConflictError",
    "ExitCode",
    "ExportFailedError",
    "FullError",
    "HeldError",
    "IncompleteError",
    "IntegrityError",
    "InvalidAnswerError",
    "LabferryError",
    "LockHeldError",
    "NotFinishedError",
    "NotFoundError",
    "PluginError",
    "RefusedError",
    "SlotBusyError",
    "StateError",
    "StoppedError",
    "TransientError",
    "UnavailableError",
]


class ExitCode(IntEnum):
    """What a verb exits with. The numbers never change their meaning.

    A run that a signal stopped exits with 128 plus the number of the signal. Two of these have
    names here; a plain int serves for every other one.
    """

    OK = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    INTEGRITY = 4
    REFUSED = 5
    LOCKED = 11
    NOT_FINISHED = 75
    INTERRUPTED = 130
    TERMINATED = 143

    @staticmethod
    def of_signal(number: int) -> int:
        """The exit code of a process that a signal stopped, as shells have it."""
        return _SIGNALS + number

    @staticmethod
    def is_unfinished(code: int | None) -> bool:
        """Whether the next run only goes on with a run that exited like this.

        Args:
            code: What the run exited with; None if it was killed.
        """
        return code is None or code == ExitCode.NOT_FINISHED or code > _SIGNALS

    @staticmethod
    def combine(codes: Iterable[int], *, any_succeeded: bool = False) -> int:
        """One exit code for several outcomes.

        The first of these that applies: the signal that stopped the work; integrity, if any bytes
        were wrong; partial, if something failed and something succeeded; the code of all failures,
        if they share one; failed; not finished; OK.

        Args:
            codes: One for each outcome; 0 if it is no failure.
            any_succeeded: Whether something is done and good, beside what failed. A code for
                partial among `codes` says so, too.
        """
        kinds = {*codes} - {ExitCode.OK}
        signals = {code for code in kinds if code > _SIGNALS}
        if signals:
            return max(signals)
        if ExitCode.INTEGRITY in kinds:
            return ExitCode.INTEGRITY
        failures = kinds - {ExitCode.NOT_FINISHED}
        if failures and (any_succeeded or ExitCode.PARTIAL in failures):
            return ExitCode.PARTIAL
        if failures:
            return failures.pop() if len(failures) == 1 else ExitCode.FAILED
        return ExitCode.NOT_FINISHED if kinds else ExitCode.OK


_SIGNALS = 128


class LabferryError(Exception):
    """The root of the tree.

    Args:
        message: What happened, naming the thing and what was expected of it.
        hint: What the reader can do about it; a sentence of its own.

    Attributes:
        exit_code: What a verb ends with if nothing else went wrong.
    """

    exit_code: int = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class ConfigError(LabferryError):
    """The configuration is wrong; nothing was started."""

    exit_code = ExitCode.USAGE


class PluginError(ConfigError):
    """A plugin that the configuration needs is missing or broken."""


class LockHeldError(LabferryError):
    """Another run works on the same state folder."""

    exit_code = ExitCode.LOCKED


class StateError(LabferryError):
    """The state folder, the ledger or the spool can't be used."""


class NotFinishedError(LabferryError):
    """The server is still exporting; the job is known and the next run goes on with it."""

    exit_code = ExitCode.NOT_FINISHED


class StoppedError(LabferryError):
    """A signal ended the run; everything is in a state that the next run carries on from.

    Args:
        signal_number: The signal, so that the exit code follows the shell's 128 + number.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__("Stopped by a signal.", hint="Run again to go on where this run stopped.")
        self.signal_number = signal_number
        self.exit_code = ExitCode.of_signal(signal_number)


class ExportFailedError(LabferryError):
    """The server ended the export without a usable archive."""


class IncompleteError(LabferryError):
    """A part of what was asked for can't be had, or can't be known; the rest goes on."""

    exit_code = ExitCode.PARTIAL


class IntegrityError(LabferryError):
    """Bytes differ from what was declared or stored."""

    exit_code = ExitCode.INTEGRITY


class RefusedError(LabferryError):
    """Credentials were not accepted, or don't allow what was asked."""

    exit_code = ExitCode.REFUSED


class HeldError(RefusedError):
    """The storage protects the thing from removal for now: a lock, a retention, a legal hold.

    Retention keeps what it may not remove yet, and does not call that a failure.
    """


class NotFoundError(LabferryError):
    """The named thing is not there (any more)."""


class ConflictError(LabferryError):
    """Something else already has that name; nothing was overwritten."""


class FullError(LabferryError):
    """No space or quota left."""


class InvalidAnswerError(LabferryError):
    """An answer that can't be what was asked for: a web page, broken JSON, a missing field."""


class TransientError(LabferryError):
    """Something that may well work later: a timeout, a reset, an overloaded server.

    Args:
        message: As in `LabferryError`.
        hint: As in `LabferryError`.
        retry_after: How long the other side asks to be left alone, in seconds, if it said so.
        is_hopeless: Whether another try makes no sense before a person did something, as with a
            certificate that is not accepted. The next run tries again.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retry_after: float | None = None,
        is_hopeless: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        self.is_hopeless = is_hopeless


class SlotBusyError(TransientError):
    """The server already runs an export for this credential and takes no second one."""


class AnswerLostError(TransientError):
    """The request went out but its answer never came: it may or may not have taken effect."""


class UnavailableError(TransientError):
    """The server is down, restarting or takes no requests now, and has not seen this one through.

    Raised for a connection that is refused, breaks off or times out before an answer came, and
    for the HTTP statuses 502, 503 and 504.
    """
