"""A call in a thread of its own, for what happens while something else does."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from labferry.testing.samples.archive import SampleArchive

__all__ = ["Background"]

_SECONDS = 60.0
_PAUSE = 0.001

ResultT = TypeVar("ResultT")


class Background(Generic[ResultT]):
    """A call in a thread of its own.

    Args:
        call: What to do there.
        patience: After how many seconds it is taken to hang.
    """

    def __init__(self, call: Callable[[], ResultT], patience: float = _SECONDS) -> None:
        self._call = call
        self._patience = patience
        self._result: ResultT
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether it is done, one way or the other."""
        return not self._thread.is_alive()

    def result(self) -> ResultT:
        """What it returned or raised, once it is done.

        Raises:
            TimeoutError: It hangs.
        """
        self._thread.join(self._patience)
        if self._thread.is_alive():
            raise TimeoutError(f"Still not done after {self._patience:g} s: it hangs.")
        if self._error is not None:
            raise self._error
        return self._result

    def wait_for_reader(self, archive: SampleArchive) -> None:
        """Return when the call has taken all that has arrived, or has ended too early.

        Raises:
            TimeoutError: It does neither.
        """
        pause = threading.Event()
        for _ in range(int(self._patience / _PAUSE)):
            if archive.is_waited_for() or self.ended:
                return
            pause.wait(_PAUSE)
        raise TimeoutError("The store neither reads the archive nor ends: it hangs.")

    def _run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as error:  # noqa: BLE001 - raised again in `result`
            self._error = error
