"""The simulated server, and what a test holds in its hand."""

import secrets
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.servers.invenio.body import Body, Interrupted
from tests.servers.invenio.faults import Act, Faults, Surroundings
from tests.servers.invenio.messages import Request
from tests.servers.invenio.options import InvenioOptions
from tests.servers.invenio.person import Person
from tests.servers.invenio.requestlog import RecordedRequest
from tests.servers.invenio.routes import answer, kind_of, token_of
from tests.servers.invenio.state import State
from tests.servers.invenio.views import StoredRecord, stored

from labferry.testing.http.listener import Connection, Listener
from labferry.testing.http.response import Ending, Response, html_response


class SimulatedInvenio:
    """An InvenioRDM or Zenodo on loopback; use it as a context manager.

    Attributes:
        options: Settings; most may be changed while the server runs.
        token: The token of its one user; ``add_user`` makes more.
        faults: The plan of faults.
        errors: Exceptions inside the simulated server itself: bugs of its own.
    """

    def __init__(self, options: InvenioOptions | None = None) -> None:
        self.options = options or InvenioOptions()
        self._state = State(self.options)
        self.faults: Faults = self._state.faults
        self._listener = Listener("labferry-simulated-invenio", self._exchange)
        self.errors = self._listener.errors
        self._state.url = self._listener.url
        self.token = self.add_user("1")

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
    def records(self) -> Mapping[str, StoredRecord]:
        """What is published now, by id, oldest first; deleted records are not in it."""
        with self._state.lock:
            return {
                record.id: stored(record, record.published)
                for record in self._state.records.values()
                if record.published is not None and not record.removed
            }

    @property
    def drafts(self) -> Mapping[str, StoredRecord]:
        """The drafts that there are now, by id, oldest first; those that edit records too."""
        with self._state.lock:
            return {
                record.id: stored(record, record.draft)
                for record in self._state.records.values()
                if record.draft is not None
            }

    def add_user(self, name: str | None = None) -> str:
        """A further user's token."""
        token = secrets.token_urlsafe(40)
        with self._state.lock:
            self._state.users[token] = name or str(len(self._state.users) + 1)
        return token

    def edit(self, record_id: str) -> Person:
        """A person who does something to a record in the web interface.

        Raises:
            KeyError: There is no such record.
        """
        return Person(self._state, self._state.records[record_id])

    def refresh_index(self) -> None:
        """Let searches see everything now, whatever ``index_delay`` says."""
        with self._state.lock:
            self._state.index.refresh()
            self._state.catalogue.refresh()

    def start(self) -> Self:
        """Begin to answer."""
        self._listener.start()
        return self

    def stop(self) -> None:
        """End everything that waits, all threads and all connections; delete all files."""
        self._state.stopping.set()
        self._listener.stop()
        self._state.contents.close()

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
        body = Body.following(connection.headers, connection.rfile)
        headers = connection.headers
        request = Request(connection.command, target.path, target.query, headers, body)
        entry = self._record(request)
        faults = self.faults.take(entry.kind, "any")
        try:
            response = self._faulty(request, [fault.act for fault in faults])
        except Exception as error:  # noqa: BLE001 - a bug in here must reach the test, not vanish
            self.errors.append(error)
            response = html_response(500)
        _finish(body, response)
        entry.body_size, entry.status = body.taken, response.status
        return response

    def _faulty(self, request: Request, acts: list[Act]) -> Response:
        """Answer with the acts around the answer, the last one outermost."""
        if not acts:
            return answer(self._state, request)
        handle = partial(self._faulty, request, acts[:-1])
        return acts[-1].apply(Surroundings(request, handle, self._state.stopping))

    def _record(self, request: Request) -> RecordedRequest:
        entry = RecordedRequest(
            at=self.options.clock(),
            kind=kind_of(request),
            method=request.method,
            path=request.path,
            query=request.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            user=self._state.users.get(token_of(request)),
        )
        with self._state.lock:
            self._state.requests.append(entry)
        return entry


def _finish(body: Body, response: Response) -> None:
    """Take what is left of the body: who still sends would not read the answer."""
    if response.ending is Ending.KEEP_ALIVE:
        try:
            body.drain()
        except Interrupted:
            response.ending = Ending.CLOSE
