"""A person at the web interface, who changes things while nobody watches."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.servers.invenio.drafts import begin_edit, discard
from tests.servers.invenio.model import Entry, Record, Side
from tests.servers.invenio.publishing import add_version, check_publishable, make_public
from tests.servers.invenio.search import reindex
from tests.servers.invenio.state import State


class Person:
    """What the owner of a record, or the site's staff, can do to it by hand.

    What is changed is the draft if there is one, else what is published.
    """

    def __init__(self, state: State, record: Record) -> None:
        self._state = state
        self._record = record

    def set_metadata(self, **fields: Any) -> None:  # noqa: ANN401 - JSON
        """Change fields of the metadata; None removes one."""
        with self._changing() as side:
            merged = {**side.metadata, **fields}
            side.metadata = {name: value for name, value in merged.items() if value is not None}

    def set_access(self, **levels: str) -> None:
        """Change ``record`` or ``files`` to ``public`` or ``restricted``."""
        with self._changing() as side:
            side.access = {**side.access, **levels}

    def publish(self) -> None:
        """Publish the draft.

        Raises:
            Problem: It is not complete.
        """
        with self._state.lock:
            check_publishable(self._state, self._record)
            make_public(self._state, self._record)

    def begin_edit(self) -> None:
        """Open what is published for editing: it has a draft then."""
        with self._state.lock:
            begin_edit(self._record)
            reindex(self._state, self._record.series)

    def new_version(self) -> str:
        """Begin another version and say its id."""
        with self._state.lock:
            return add_version(self._state, self._record).id

    def delete_draft(self) -> None:
        """Drop the draft."""
        with self._state.lock:
            discard(self._state, self._record)

    def delete_record(self) -> None:
        """Delete what is published, as Zenodo allows for 30 days; a tombstone stays."""
        with self._changing():
            self._record.removed = True

    def put_file(self, key: str, data: bytes) -> None:
        """Add or replace a file, in a published record too."""
        with self._changing():
            content = self._state.contents.store([data])
            self._record.files[key] = Entry(key, content, completed=True)

    def remove_file(self, key: str) -> None:
        """Remove a file, from a published record too."""
        with self._changing():
            del self._record.files[key]

    @contextmanager
    def _changing(self) -> Iterator[Side]:
        """A change under the lock, after which record and index are up to date."""
        with self._state.lock:
            yield self._record.side
            self._state.touch(self._record)
            reindex(self._state, self._record.series)
