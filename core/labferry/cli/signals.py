"""SIGINT and SIGTERM: the first ends a run in good order, the second at once."""

import logging
import os
import signal
from types import FrameType

from labferry.engine import Stop

__all__ = ["stop_on_signals"]

_log = logging.getLogger(__name__)


def stop_on_signals(stop: Stop) -> None:
    """Let the two signals end a run. Both ways leave a state that the next run goes on from."""

    def handle(number: int, _: FrameType | None) -> None:
        if stop.requested:
            os._exit(128 + number)
        _log.warning("Stopping; once more to end at once.")
        stop.request(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
