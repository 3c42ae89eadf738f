"""Requests to the store, through the client that s3fs holds."""

import asyncio
import difflib
import logging
import random
import time
from asyncio import run_coroutine_threadsafe
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

from labferry.sdk import (
    LabferryError,
    NotFoundError,
    PluginError,
    TransientError,
    redact,
)
from labferry_s3.body import Body, Pacer
from labferry_s3.errors import ExpectedError, classify, code_of, is_brief
from labferry_s3.settings import S3Settings

_log = logging.getLogger(__name__)
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 20.0
_CLOSING_SECONDS = 5.0

Answer = dict[str, Any]
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
        self._s3fs = _import_s3fs()
        self._settings = settings
        self._fs: Any = None
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
        **parameters: Any,  # noqa: ANN401 - what the client's methods take
    ) -> Answer:
        """Make a request, repeated where it fails for a moment only.

        Every request that labferry makes can be repeated: it has the same effect once or twice.

        Args:
            operation: The name of the client's method.
            expect: Error codes that are raised as `ExpectedError`, at once.
            parameters: What the method takes, but for the bucket.

        Raises:
            ExpectedError: One of the expected codes.
            LabferryError: Everything else that goes wrong.
        """
        return self.wait(self.start(operation, expect=expect, **parameters))

    def start(
        self,
        operation: str,
        *,
        expect: frozenset[str] = frozenset(),
        **parameters: Any,  # noqa: ANN401 - what the client's methods take
    ) -> "Future[Answer]":
        """As `call`, but do not wait for the answer."""
        self._connect()
        return self.submit(self._request(operation, expect, parameters))

    def submit(self, work: Coroutine[Any, Any, ResultT]) -> "Future[ResultT]":
        """Run something in the I/O thread."""
        return run_coroutine_threadsafe(work, self._fs.loop)

    def wait(self, future: "Future[ResultT]") -> ResultT:
        """The result of something that runs in the I/O thread, which ends when we do."""
        try:
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
            fs = self._s3fs.S3FileSystem(**_options(self._settings))
            fs.connect()
        except Exception as error:
            raise classify(error, "connect", self.place({})) from error
        events, config = fs.s3.meta.events, fs.s3.meta.config
        events.register("before-send.s3", _drop_expectation)
        unsigned = config.merge(type(config)(s3={**config.s3, "payload_signing_enabled": False}))
        events.register("before-sign.s3.UploadPart", partial(_sign_the_md5, config=unsigned))
        self._fs = fs

    async def _request(
        self, operation: str, expect: frozenset[str], parameters: dict[str, Any]
    ) -> Answer:
        for pause in self._pauses():
            try:
                return await self._once(operation, parameters)
            except Exception as error:
                code = code_of(error)
                if code in expect:
                    raise ExpectedError(code) from error
                problem = await self._explained(error, operation, parameters)
                if pause is None or not is_brief(problem):
                    raise problem from error
                _log.debug("%s again in %.1f s: %s", operation, pause, redact(str(problem)))
                await asyncio.sleep(max(pause, getattr(problem, "retry_after", None) or 0.0))
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
            return await request
        body.seek(0)
        return await self._moving(request, body)

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


def _import_s3fs() -> ModuleType:
    try:
        return import_module("s3fs")
    except ImportError as error:
        raise PluginError(
            f"Destinations of type s3 need the package s3fs, which can't be imported: {error.msg}.",
            hint="Install it with: pip install 'labferry[s3]'",
        ) from error


def _options(settings: S3Settings) -> dict[str, Any]:
    key, secret, token = (
        None if each is None else each.reveal()
        for each in (settings.access_key_id, settings.secret_access_key, settings.session_token)
    )
    client = {"region_name": settings.region, "verify": settings.ca_file and str(settings.ca_file)}
    return {
        "key": key,
        "secret": secret,
        "token": token,
        "profile": settings.profile,
        "endpoint_url": settings.endpoint_url,
        "client_kwargs": {name: value for name, value in client.items() if value is not None},
        "config_kwargs": {
            # Sent as trailers of an unsigned body, the default checksums are refused or even
            # stored as content by several stores; ours go in headers.
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            "retries": {"total_max_attempts": 1, "mode": "standard"},
            "connect_timeout": settings.connect_timeout.total_seconds(),
            "read_timeout": settings.timeout.total_seconds(),
            "max_pool_connections": settings.concurrency + 4,
            "s3": {"addressing_style": "path" if settings.path_addressed else "virtual"},
        },
        "skip_instance_cache": True,
        "use_listings_cache": False,
    }


def _sign_the_md5(request: Any, config: object, **_: Any) -> None:  # noqa: ANN401 - the client's own
    """A part is bound to its signature by the MD5 in its head, over http as over https.

    The client would sign a SHA-256 of the part as well, which takes both sides as long again.
    """
    request.context["client_config"] = config


def _drop_expectation(request: Any, **_: Any) -> None:  # noqa: ANN401 - the client's own
    """Not every store answers `Expect: 100-continue`, and the client would wait for ever."""
    request.headers.pop("Expect", None)
