"""SIGINT and SIGTERM: the first ends a run in good order, the second at once."""

import logging
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

import click

from labferry.cli.logs import told_line
from labferry.runtime.stop import Stop
from labferry.sdk import ExitCode
from labferry.sdk.waiting import interruptible


def stop_on_signals(stop: Stop) -> None:
    """Let the two signals end a run. Both ways leave a state that the next run goes on from.

    Until the command ends, what waits on this thread for a server asks whether to stop.
    """

    def handle(number: int, _: FrameType | None) -> None:
        if stop.requested:
            os._exit(ExitCode.of_signal(number))
        stop.request(number)
        line = told_line("Stopping. Send the signal again to end at once.", logging.INFO)
        # Past Python's buffers: the signal may have come in the middle of writing to one.
        with suppress(OSError):
            os.write(sys.stderr.fileno(), f"{line}\n".encode())

    click.get_current_context().with_resource(interruptible(stop.check))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
