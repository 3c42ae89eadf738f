"""An event loop on a thread of its own.

The connection must stay alive while its sink waits: for the next bytes of a slow download, or
for the next archive. So the loop runs beside the sink's thread, which blocks.
"""

import asyncio
import logging
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

from typing_extensions import override

_log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")


class _NotOfLostConnections(logging.Filter):
    """Leaves out what asyncio logs for each packet that is sent after a connection was lost.

    That it was lost is reported once, as the error of what was being done.
    """

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg != "socket.send() raised exception."


logging.getLogger("asyncio").addFilter(_NotOfLostConnections())


class LoopThread:
    """Runs coroutines for a thread that blocks.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(_left_behind)
        self._thread = Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, ResultT]) -> "Future[ResultT]":
        """Begin a coroutine.

        Raises:
            ConnectionError: The loop is closed.
        """
        if self.loop.is_closed():
            work.close()
            raise ConnectionError("the connection was closed")
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work: Coroutine[Any, Any, ResultT], seconds: float) -> ResultT:
        """Run a coroutine and wait for its result.

        Raises:
            TimeoutError: It was not done in time; it is cancelled.
        """
        return self.wait(self.submit(work), seconds)

    @staticmethod
    def wait(future: "Future[ResultT]", seconds: float) -> ResultT:
        """Wait for what `submit` began; cancelled where it is not waited for to the end."""
        try:
            return future.result(seconds)
        finally:
            future.cancel()  # nothing happens to one that is done

    def close(self) -> None:
        """End everything that still runs, and the thread."""
        with suppress(TimeoutError):  # a name that is still being looked up does not hold us up
            self.run(self._wind_up(), seconds=5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _wind_up(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        await self.loop.shutdown_default_executor()


def _left_behind(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncssh cuts requests into fails unseen once nobody waits for the whole any more."""
    _log.debug("Left behind: %s", context.get("exception") or context["message"])
