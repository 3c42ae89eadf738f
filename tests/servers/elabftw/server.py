"""The simulated server, and what a test holds in its hand."""

from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.servers.elabftw.faults import Act, Faults, Surroundings
from tests.servers.elabftw.messages import Request
from tests.servers.elabftw.model import Export
from tests.servers.elabftw.options import Options
from tests.servers.elabftw.requestlog import RecordedRequest
from tests.servers.elabftw.routes import answer, kind_of
from tests.servers.elabftw.state import ServerState
from tests.servers.elabftw.world import World, default_world

from labferry.testing.http.listener import Connection, Listener
from labferry.testing.http.response import Response, html_response


class SimulatedElabftw:
    """An eLabFTW on loopback; use it as a context manager.

    Attributes:
        options: Settings; all may be changed while the server runs.
        world: Users and their work; it may be changed, too.
        faults: The plan of faults.
        errors: Exceptions inside the simulated server itself: bugs of its own.
    """

    def __init__(self, options: Options | None = None, world: World | None = None) -> None:
        self.options = options or Options()
        self.world = world or default_world()
        self._state = ServerState(self.options, self.world)
        self.faults: Faults = self._state.faults
        self._listener = Listener("labferry-simulated-elabftw", self._exchange)
        self.errors = self._listener.errors
        self._state.url = self._listener.url

    @property
    def url(self) -> str:
        """The server's address, as in a configuration's ``url``."""
        return self._listener.url

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request that arrived, in order."""
        with self._state.lock:
            return list(self._state.requests)

    @property
    def begun(self) -> int:
        """How many exports were ever asked for, those included that are deleted by now."""
        with self._state.lock:
            return self._state.begun

    @property
    def exports(self) -> Sequence[Export]:
        """The exports that there are now, oldest first."""
        with self._state.lock:
            for user in self.world.users:
                self._state.exports_of(user.id)
            return list(self._state.rows)

    def export_by_hand(self, user: int = 1, form: str = "eln", *flags: str) -> Export:
        """An export that a user asks for in the web interface."""
        with self._state.lock:
            owner = next(each for each in self.world.users if each.id == user)
            return self._state.begin(owner, form, frozenset(flags or ["experiments"]))

    def leaks(self) -> list[RecordedRequest]:
        """Requests that carry a key where it has no business."""
        keys = [key for user in self.world.users for key in user.keys]
        return [request for request in self.requests if any(map(request.carries, keys))]

    def start(self) -> Self:
        """Begin to answer."""
        self._listener.start()
        return self

    def stop(self) -> None:
        """End everything that waits, all threads and all connections."""
        self._state.stopping.set()
        self._listener.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _exchange(self, connection: Connection) -> Response:
        """Record a request, let the planned faults happen to it, and answer it."""
        target = urlsplit(connection.path)
        body = connection.rfile.read(int(connection.headers.get("Content-Length") or 0))
        request = Request(connection.command, target.path, target.query, connection.headers, body)
        entry = self._record(request)
        acts = [fault.act for fault in self.faults.take(entry.kind, "any")]
        try:
            response = self._faulty(request, acts)
        except Exception as error:  # noqa: BLE001 - a bug in here must reach the test, not vanish
            self.errors.append(error)
            response = html_response(500)
        # eLabFTW begins a session with every answer.
        response.headers.setdefault("Set-Cookie", "PHPSESSID=simulated; path=/; httponly")
        entry.status = response.status
        return response

    def _faulty(self, request: Request, acts: list[Act]) -> Response:
        """Answer with the acts around the answer, the last one outermost."""
        if not acts:
            return answer(self._state, request)
        handle = partial(self._faulty, request, acts[:-1])
        return acts[-1].apply(Surroundings(request, handle, self._state.stopping))

    def _record(self, request: Request) -> RecordedRequest:
        user = self.world.user_of(request.header("authorization"))
        entry = RecordedRequest(
            kind=kind_of(request),
            method=request.method,
            path=request.path,
            query=request.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            user=user.id if user else None,
        )
        with self._state.lock:
            self._state.requests.append(entry)
        return entry
