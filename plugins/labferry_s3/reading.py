"""Reading an object as it comes, going on after a broken connection."""

import io
import logging
import re
import time
from collections.abc import Mapping
from typing import Any

from typing_extensions import Buffer, override

from labferry.sdk import InvalidAnswerError, LabferryError, NotFoundError, TransientError, redact
from labferry.sdk.waiting import LeastSpeed
from labferry_s3.answers import etag_of, size_of
from labferry_s3.client import StoreClient
from labferry_s3.errors import ExpectedError, classify

_log = logging.getLogger(__name__)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})", re.ASCII)
_BEYOND = frozenset({"416", "InvalidRange"})
_REPLACED = frozenset({"412", "PreconditionFailed"})


class RangeReader(io.RawIOBase):
    """An object's bytes, from an offset on.

    Args:
        client: The store.
        parameters: What names the object.
        offset: Where to begin.
        retries: How often to go on after the connection broke.
    """

    def __init__(
        self, client: StoreClient, parameters: dict[str, Any], offset: int, retries: int
    ) -> None:
        super().__init__()
        self._client = client
        self._parameters = parameters
        self._position = offset
        self._retries = retries
        self._size: int | None = None
        self._body: Any = None
        self._speed = LeastSpeed()
        self._connect()

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        data = self._read(len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    @override
    def tell(self) -> int:
        return self._position

    @override
    def close(self) -> None:
        if not self.closed:
            self._disconnect()
        super().close()

    def _read(self, size: int) -> bytes:
        while self._size is None or self._position < self._size:
            try:
                if self._body is None:
                    self._connect()
                began = time.monotonic()
                data: bytes = self._client.wait(self._client.submit(self._body.read(size)))
                slow = self._speed.count(len(data), time.monotonic() - began)
            except LabferryError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is classified
                self._broken(classify(error, "get_object", self._client.place(self._parameters)))
            else:
                if slow:
                    self._disconnect()
                    raise TransientError(
                        f"{self._client.url} sends {self._parameters['Key']} too slowly: {slow}."
                    )
                if data:
                    return data
                self._broken(TransientError(f"{self._parameters['Key']} ended too early."))
        return b""

    def _broken(self, problem: LabferryError) -> None:
        self._disconnect()
        if not isinstance(problem, TransientError) or self._retries <= 0:
            raise problem
        self._retries -= 1
        _log.debug("Reading goes on at %d: %s", self._position, redact(str(problem)))

    def _connect(self) -> None:
        try:
            answer = self._client.call(
                "get_object",
                expect=_BEYOND | _REPLACED,
                Range=f"bytes={self._position}-",
                **self._parameters,
            )
        except ExpectedError as error:
            if error.code in _REPLACED:
                raise self._replaced() from error
            self._size = self._position
            return
        self._body = answer["Body"]
        try:
            start, size = _range_of(answer)
        except InvalidAnswerError:
            self._disconnect()
            raise
        if start != self._position:
            self._disconnect()
            raise InvalidAnswerError(
                f"{self._client.url} gives whole objects only: bytes from {start} instead of "
                f"{self._position} on were sent."
            )
        if self._size is not None and size != self._size:
            self._disconnect()
            raise self._replaced()
        self._size = size
        # Whoever reads on shall read the same object, not one that took its place.
        if etag := etag_of(answer):
            self._parameters = {**self._parameters, "IfMatch": f'"{etag}"'}

    def _replaced(self) -> NotFoundError:
        return NotFoundError(f"{self._parameters['Key']} was replaced while it was read.")

    def _disconnect(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            self._client.wait(self._client.submit(_close(body)))


def _range_of(answer: Mapping[str, Any]) -> tuple[int, int]:
    """Where the bytes of an answer begin, and how large the object is.

    Raises:
        InvalidAnswerError: The answer does not say.
    """
    stated = _CONTENT_RANGE.fullmatch(str(answer.get("ContentRange") or ""))
    if stated:
        return int(stated[1]), int(stated[2])
    size = size_of(answer, "ContentLength")
    if size is None:
        raise InvalidAnswerError("The store does not say how large an object is that it sends.")
    return 0, size


async def _close(body: Any) -> None:  # noqa: ANN401 - the client's own
    body.close()
