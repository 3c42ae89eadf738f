"""Parts on their way to the store: a few at a time, each in a buffer of its own."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import Any, Self

from labferry.sdk import IntegrityError, StoppedError, waiting
from labferry_s3.answers import Answer, etag_of
from labferry_s3.body import Body
from labferry_s3.client import StoreClient
from labferry_s3.digests import PartDigest
from labferry_s3.progress import SentPart

_GRACE_SECONDS = 5.0
_STOP_SECONDS = 2.0
"""A run that is being stopped ends soon after, whatever its threads do."""


class Window:
    """Sends parts, at most so many at a time; the next one goes as soon as one is done.

    At the end of the `with` block all have arrived. When the block fails, parts under way get a
    few seconds, so that a later run need not send them again.

    Args:
        client: The store.
        width: How many parts at a time.
        part_size: How large each is, but for the last one, which is smaller.
        arrived: Called for each part that the store has.
    """

    def __init__(
        self,
        client: StoreClient,
        width: int,
        part_size: int,
        arrived: Callable[[SentPart], None],
    ) -> None:
        self._client = client
        self._width = width
        self._part_size = part_size
        self._arrived = arrived
        self._free: list[bytearray] = []
        self._pending: dict[Future[Answer], tuple[int, PartDigest, bytearray]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._wait_for_all()
            elif not isinstance(error, IntegrityError):
                self._collect_finished(error)
        finally:
            for future in self._pending:
                future.cancel()

    def buffer(self) -> bytearray:
        """A free buffer as large as a part, as soon as there is one."""
        while len(self._pending) >= self._width:
            self._wait()
        return self._free.pop() if self._free else bytearray(self._part_size)

    def give_back(self, buffer: bytearray) -> None:
        """Say that a buffer is not needed after all."""
        self._free.append(buffer)

    def send(
        self, number: int, digest: PartDigest, buffer: bytearray, parameters: dict[str, Any]
    ) -> None:
        """Send the beginning of a buffer as a part."""
        body = Body(memoryview(buffer)[: digest.size], self._client.pacer)
        future = self._client.start("upload_part", PartNumber=number, Body=body, **parameters)
        self._pending[future] = (number, digest, buffer)

    def _wait_for_all(self) -> None:
        try:
            while self._pending:
                self._wait()
        except IntegrityError:
            raise
        except BaseException as error:
            # The last part may be the one that fails: the others are worth as much then.
            self._collect_finished(error)
            raise

    def _wait(self) -> None:
        """Wait until at least one part has arrived."""
        while not (done := wait(self._pending, waiting.INTERVAL, FIRST_COMPLETED).done):
            waiting.check()
        self._take(done)

    def _collect_finished(self, error: BaseException) -> None:
        seconds = _STOP_SECONDS if isinstance(error, StoppedError) else _GRACE_SECONDS
        done, _ = wait(self._pending, timeout=seconds)
        self._take({each for each in done if each.exception() is None})

    def _take(self, done: set[Future[Answer]]) -> None:
        for future in done:
            number, digest, buffer = self._pending.pop(future)
            self._free.append(buffer)
            self._arrived(SentPart.of(number, digest, etag_of(future.result())))
