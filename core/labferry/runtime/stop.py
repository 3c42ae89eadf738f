"""How a run is stopped, and how everything in it waits."""

from threading import Event

from labferry.sdk import ExitCode, StoppedError


class Stop:
    """Set once, by a signal; every wait of a run ends then."""

    def __init__(self) -> None:
        self._event = Event()
        self._signal = 0
        self._held: object = None

    def request(self, signal_number: int) -> None:
        """Stop the run."""
        self._signal = signal_number
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether the run is to stop."""
        return self._event.is_set()

    @property
    def exit_code(self) -> int:
        """What a process that this signal stopped exits with."""
        return ExitCode.of_signal(self._signal)

    @property
    def error(self) -> StoppedError:
        """What to raise, or to give to those who wait elsewhere."""
        return StoppedError(self._signal)

    def check(self) -> None:
        """Return at once, or raise StoppedError."""
        self.wait(0)

    def hold(self, thing: object) -> None:
        """Keep something that must not be given back before the process ends."""
        self._held = thing

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, or raise StoppedError as soon as the run is to stop."""
        if self._event.wait(seconds):
            raise self.error
