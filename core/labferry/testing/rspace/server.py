"""The simulated server: both origins, and what a test holds in its hand."""

from functools import partial
from types import TracebackType
from typing import Self

from labferry.testing.http.response import Response, html_response
from labferry.testing.rspace.faults import Act, Faults, Surroundings
from labferry.testing.rspace.messages import Request
from labferry.testing.rspace.model import World
from labferry.testing.rspace.options import Options
from labferry.testing.rspace.origin import origin
from labferry.testing.rspace.requestlog import RecordedExport, RecordedRequest
from labferry.testing.rspace.routes import answer, credential_of, kind_of
from labferry.testing.rspace.state import State
from labferry.testing.rspace.world import default_world


class SimulatedRSpace:
    """An RSpace server on loopback, with a second origin that stands for S3.

    Use it as a context manager, or call ``start`` and ``stop``. Without arguments it holds the
    small laboratory of ``default_world``, whose keys are ``ALICE_KEY``, ``PI_KEY`` and so on.

    Attributes:
        options: Settings; most may be changed while the server runs.
        world: Users, groups and records; may be changed while the server runs.
        faults: The plan of faults.
        errors: Exceptions inside the simulated server itself: bugs of its own.
    """

    def __init__(self, world: World | None = None, options: Options | None = None) -> None:
        self.options = options or Options()
        self.world = world or default_world()
        self._state = State(self.options, self.world)
        self.faults: Faults = self._state.faults
        self._api = origin("api", self._answer, self.options.tls)
        self._s3 = origin("s3", self._answer, self.options.tls)
        self.errors = self._api.errors = self._s3.errors = []
        self._state.api_url, self._state.s3_url = self._api.url, self._s3.url

    @property
    def url(self) -> str:
        """The server's address, as in a configuration's ``url``."""
        return self._api.url

    @property
    def presigned_url(self) -> str:
        """The second origin's address."""
        return self._s3.url

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request that arrived, at either origin, in order."""
        with self._state.lock:
            return list(self._state.requests)

    @property
    def exports(self) -> list[RecordedExport]:
        """Every export that was started, in order."""
        with self._state.lock:
            return list(self._state.exports)

    def leaks(self) -> list[RecordedRequest]:
        """Requests that carried anybody's API key to the second origin."""
        keys = [user.key for user in self.world.users]
        return [
            request
            for request in self.requests
            if request.origin == "s3" and any(request.carries(key) for key in keys)
        ]

    def restart(self) -> int:
        """Leave running jobs as they are for ever, their owners' slots taken; says how many.

        A PI of several groups has another one of them as the first from now on.
        """
        return self._state.restart()

    def upgrade(self, version: str = "2.25.0") -> None:
        """Become another version, as RSpace does with 2.25: every job is forgotten."""
        self.options.version = version
        self._state.jobs.forget()

    def release(self, username: str) -> None:
        """Free a slot that a restart left taken, as an administrator does in the database."""
        self._state.jobs.release(username)

    def expire(self, file: str) -> None:
        """Delete a finished export, by the name in ``exports``."""
        self._state.files.expire(file)

    def start(self) -> Self:
        """Begin to answer."""
        self._api.start()
        self._s3.start()
        return self

    def stop(self) -> None:
        """End everything that waits, all threads and all connections."""
        self._state.stopping.set()
        self._api.stop()
        self._s3.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _answer(self, request: Request) -> Response:
        """Record a request, let the planned faults happen to it, and answer it."""
        entry = self._record(request)
        try:
            response = self._faulty(request, self.faults.on_request(entry.kind))
        except Exception as error:  # noqa: BLE001 - a bug in here must reach the test, not vanish
            self.errors.append(error)
            response = html_response(500)
        entry.status = response.status
        return response

    def _faulty(self, request: Request, acts: list[Act]) -> Response:
        """Answer with the acts around the answer, the last one outermost."""
        if not acts:
            return answer(self._state, request)
        handle = partial(self._faulty, request, acts[:-1])
        return acts[-1].apply(
            Surroundings(request, handle, self._state.stopping, self._state.restart)
        )

    def _record(self, request: Request) -> RecordedRequest:
        user = self.world.user_by_key(credential_of(request))
        entry = RecordedRequest(
            at=self._state.now(),
            origin=request.origin,
            kind=kind_of(request),
            method=request.method,
            path=request.path,
            query=request.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body_size=len(request.body),
            user=user.username if user else None,
        )
        with self._state.lock:
            self._state.requests.append(entry)
        return entry
