"""Requests to the store, through the client that s3fs holds."""

import asyncio
import concurrent.futures
import difflib
import logging
import random
import time
from asyncio import run_coroutine_threadsafe
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from labferry.sdk import (
    LabferryError,
    NotFoundError,
    TransientError,
    waiting,
)
from labferry_s3.answers import Answer
from labferry_s3.body import Body, Pacer
from labferry_s3.connection import import_s3fs, open_filesystem
from labferry_s3.errors import (
    UNKNOWN,
    ExpectedError,
    classify,
    code_of,
    is_brief,
    may_refuse_options,
)
from labferry_s3.settings import S3Settings

_log = logging.getLogger(__name__)
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 20.0
_CLOSING_SECONDS = 5.0
_LONGEST_ANSWER = 3600.0
_AT_LENGTH = "complete_multipart_upload"
"""What a store may take long for, and sends blanks meanwhile."""

ResultT = TypeVar("ResultT")


class StoreClient:
    """One bucket of a store.

    Blocking to its callers; the requests themselves run in the I/O thread that all fsspec
    filesystems share. Connects when the first request is made.

    Args:
        settings: Where the bucket is, and who we are.

    Raises:
        PluginError: s3fs is not installed.
    """

    def __init__(self, settings: S3Settings) -> None:
        self._s3fs = import_s3fs()
        self._settings = settings
        self._fs: Any = None
        self._unknown: set[str] = set()
        self._without_options: set[str] = set()
        self.pacer = Pacer(settings.bandwidth_limit)

    @property
    def url(self) -> str:
        """Where archives lie, for people."""
        return f"s3://{self._settings.bucket}/{self._settings.prefix}"

    def prepare(self) -> None:
        """Make ready for the first request; the store is asked for nothing yet."""
        self._connect()

    def call(
        self,
        operation: str,
        *,
        expect: frozenset[str] = frozenset(),
        options: Mapping[str, Any] | None = None,
        repeat: bool = True,
        **parameters: Any,  # noqa: ANN401 - what the client's methods take
    ) -> Answer:
        """Make a request, repeated if it fails for a moment only.

        Every request that labferry makes can be repeated: it has the same effect once or twice.

        Args:
            operation: The name of the client's method.
            expect: Error codes that are raised as `ExpectedError`, at once.
            options: Parameters that not every store knows. If the store refuses the request with
                them and takes it without, they are not sent again.
            repeat: Whether to repeat it.
            parameters: What the method takes, but for the bucket.

        Raises:
            ExpectedError: One of the expected codes.
            LabferryError: Everything else that goes wrong.
        """
        self._connect()
        request = partial(self._request, operation, expect, repeat=repeat)
        refused = ""
        if options and operation not in self._without_options:
            try:
                return self.wait(self.submit(request({**parameters, **options}, optional=True)))
            except _OptionsRefusedError as error:
                refused = error.code
        try:
            answer = self.wait(self.submit(request(parameters)))
        except ExpectedError as error:
            if refused and error.code != refused:
                self._without_options.add(operation)
            raise
        if refused:
            _log.debug("%s: the store takes no %s.", operation, ", ".join(options or ()))
            self._without_options.add(operation)
        return answer

    def ask(
        self,
        operation: str,
        *,
        unknown: frozenset[str] = UNKNOWN,
        repeat: bool = True,
        **parameters: Any,  # noqa: ANN401 - what the client's methods take
    ) -> Answer | None:
        """Make a request that not every store knows; one that does not is asked only once.

        Args:
            operation: As for `call`.
            unknown: The codes of a store that does not know it.
            repeat: As for `call`.
            parameters: As for `call`.

        Returns:
            The answer; None if the store does not know the request.

        Raises:
            LabferryError: Everything else that goes wrong.
        """
        if operation in self._unknown:
            return None
        try:
            return self.call(operation, expect=unknown, repeat=repeat, **parameters)
        except ExpectedError as error:
            _log.debug("%s: the store does not know it (%s).", operation, error.code)
            self._unknown.add(operation)
            return None

    def start(
        self,
        operation: str,
        **parameters: Any,  # noqa: ANN401 - what the client's methods take
    ) -> "Future[Answer]":
        """As `call`, but do not wait for the answer."""
        self._connect()
        return self.submit(self._request(operation, frozenset(), parameters))

    def submit(self, work: Coroutine[Any, Any, ResultT]) -> "Future[ResultT]":
        """Run something in the I/O thread."""
        return run_coroutine_threadsafe(work, self._fs.loop)

    def wait(self, future: "Future[ResultT]") -> ResultT:
        """The result of something that runs in the I/O thread, which ends when we do.

        Raises:
            StoppedError: The run is being stopped; pauses that the store asks for end, too.
        """
        try:
            while not concurrent.futures.wait([future], waiting.INTERVAL).done:
                waiting.check()
            return future.result()
        finally:
            future.cancel()

    def close(self) -> None:
        """Close all connections."""
        if self._fs is None:
            return
        creator, loop = self._fs._s3creator, self._fs.loop  # noqa: SLF001 - s3fs closes only when collected
        self._fs = None
        closing = run_coroutine_threadsafe(creator.__aexit__(None, None, None), loop)
        with suppress(TimeoutError):
            closing.result(_CLOSING_SECONDS)

    def _connect(self) -> None:
        if self._fs is not None:
            return
        try:
            self._fs = open_filesystem(self._s3fs, self._settings)
        except Exception as error:
            raise classify(error, "connect", self.place({})) from error

    async def _request(
        self,
        operation: str,
        expect: frozenset[str],
        parameters: dict[str, Any],
        *,
        optional: bool = False,
        repeat: bool = True,
    ) -> Answer:
        for pause in self._pauses() if repeat else [None]:
            try:
                return await self._once(operation, parameters)
            except Exception as error:
                code = code_of(error)
                if optional and may_refuse_options(error):
                    raise _OptionsRefusedError(code) from error
                if code in expect:
                    raise ExpectedError(code) from error
                problem = await self._explained(error, operation, parameters)
                wish = getattr(problem, "retry_after", None) or 0.0
                # A longer pause is for whoever waits where people can see it, and stop it.
                if pause is None or not is_brief(problem, code) or wish > _LONGEST_PAUSE:
                    raise problem from error
                _log.debug("%s again in %.1f s: %s", operation, pause, problem)
                await asyncio.sleep(max(pause, wish))
        raise AssertionError("the last pause is None")  # pragma: no cover

    def _pauses(self) -> list[float | None]:
        """Between tries: longer each time, and never the same for two clients."""
        longest = [_FIRST_PAUSE * 2**number for number in range(self._settings.retries)]
        return [min(_LONGEST_PAUSE, each) * random.uniform(0.5, 1.0) for each in longest] + [None]  # noqa: S311 - no secret

    async def _once(self, operation: str, parameters: dict[str, Any]) -> Answer:
        body = parameters.get("Body")
        method = getattr(self._fs.s3, operation)
        if operation != "list_buckets":
            parameters = {"Bucket": self._settings.bucket, **parameters}
        request: Coroutine[Any, Any, Answer] = method(**parameters)
        if not isinstance(body, Body):
            return await self._in_time(operation, request)
        body.seek(0)
        return await self._moving(request, body)

    async def _in_time(self, operation: str, request: Coroutine[Any, Any, Answer]) -> Answer:
        """Give up an answer that trickles: the client waits for as long as some byte comes."""
        limit = 2 * self._settings.timeout.total_seconds()
        if operation == _AT_LENGTH:
            limit = max(limit, _LONGEST_ANSWER)
        timer = asyncio.timeout(limit)
        try:
            async with timer:
                return await request
        except TimeoutError as error:
            if not timer.expired():  # one of the client's own
                raise
            store = self.place({})["store"]
            raise TransientError(f"{store} took longer than {limit:g} s to answer.") from error

    async def _moving(self, request: Coroutine[Any, Any, Answer], body: Body) -> Answer:
        """Give up where nothing moves: the client itself waits for ever for a full socket."""
        limit = self._settings.timeout.total_seconds()
        body.rest()
        task = asyncio.ensure_future(request)
        try:
            while not task.done():
                left = body.moved_at + limit - time.monotonic()
                if left <= 0:
                    raise TransientError(f"{self.place({})['store']} took no data for {limit:g} s.")
                await asyncio.wait({task}, timeout=left)
            return task.result()
        finally:
            task.cancel()

    async def _explained(
        self, error: Exception, operation: str, parameters: dict[str, Any]
    ) -> LabferryError:
        problem = classify(error, operation, self.place(parameters))
        if code_of(error) == "NoSuchBucket" and isinstance(problem, NotFoundError):
            problem.hint = await self._nearest_bucket()
        return problem

    async def _nearest_bucket(self) -> str:
        wanted = self._settings.bucket
        with suppress(Exception):
            answer = await self._fs.s3.list_buckets()
            names = [str(each["Name"]) for each in answer.get("Buckets", ())]
            near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
            return f'Did you mean "{near[0]}"?' if near else "Is its name right?"
        return "Is its name right? These credentials may not list the buckets there are."

    def place(self, parameters: dict[str, Any]) -> dict[str, str]:
        """Words for what a request is about, for messages."""
        settings = self._settings
        return {
            "store": settings.endpoint_url or "AWS S3",
            "bucket": f"the bucket {settings.bucket}",
            "region": settings.region or "the one that is set",
            "what": str(parameters.get("Key") or parameters.get("Prefix") or "all of it"),
        }


class _OptionsRefusedError(Exception):
    """The store refused a request, and it may have done so for an option.

    Attributes:
        code: How it refused.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
