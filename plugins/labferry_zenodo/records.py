"""What can be asked of the API for records, one method a request."""

import re
from collections.abc import Iterator, Mapping

import httpx

from labferry.sdk import AnswerLostError, InvalidAnswerError, NotFoundError, TransientError
from labferry.sdk.http import Response
from labferry_zenodo.address import api_path
from labferry_zenodo.answers import Answer, complaints, judge, usable
from labferry_zenodo.client import Client
from labferry_zenodo.model import FileEntry, Record

_PAGE = 50
_MOST_PAGES = 1000
_GONE = (404, 410)


class Records:
    """The records of one account.

    Args:
        client: The server.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    def create(self, document: object) -> tuple[Record, list[str]]:
        """Make a draft; also what the server did not like about it.

        Raises:
            AnswerLostError: It may have been made.
        """
        answer = self.client.send("POST", api_path("records"), document)
        if answer.status >= httpx.codes.INTERNAL_SERVER_ERROR:
            # A proxy says so, too, when it gave up on a server that was at it.
            raise AnswerLostError(str(judge(answer, "Making a draft")))
        made = usable(answer, "Making a draft")
        return Record.of(made), complaints(made)

    def new_version(self, identity: str) -> Record:
        """The draft of the version after the newest; a new one if there is none.

        Raises:
            AnswerLostError: It may have been made.
        """
        answer = self.client.send("POST", api_path("records", identity, "versions"))
        return Record.of(usable(answer, f"Making a new version of {identity}"))

    def draft(self, identity: str) -> Record | None:
        """A draft as it is now; None if there is none."""
        return self._read(api_path("records", identity, "draft"), f"Reading the draft {identity}")

    def published(self, identity: str) -> Record | None:
        """A published record as it is now; None if there is none."""
        found = self._read(api_path("records", identity), f"Reading the record {identity}")
        return found if found is None or found.id == identity else None

    def current(self, identity: str) -> Record | None:
        """A record: its draft if it was never published, else what is published; None if gone."""
        draft = self.draft(identity)
        return draft if draft and not draft.published else self.published(identity)

    def replace(self, identity: str, document: object) -> tuple[Record, list[str]]:
        """Replace all of a draft's metadata; also what the server did not like about it."""
        answer = self.client.send("PUT", api_path("records", identity, "draft"), document)
        made = usable(answer, f"Describing the draft {identity}")
        return Record.of(made), complaints(made)

    def discard(self, identity: str) -> None:
        """Delete a draft. What is gone is no error."""
        answer = self.client.send("DELETE", api_path("records", identity, "draft"))
        if not answer.ok and answer.status not in _GONE:
            raise judge(answer, f"Deleting the draft {identity}")

    def publish(self, identity: str) -> Answer:
        """Publish a draft. Whoever asks decides what the answer means.

        Raises:
            AnswerLostError: It may have been published.
        """
        return self.client.send(
            "POST", api_path("records", identity, "draft", "actions", "publish")
        )

    def latest(self, identity: str) -> str:
        """The id of the newest published version. The redirect is read, not followed."""
        answer = self.client.get(api_path("records", identity, "versions", "latest"))
        match = re.search(r"/records/([^/?#]+)/?$", answer.headers.get("location", ""))
        if answer.status not in (301, 302, 307, 308) or match is None:
            raise judge(answer, f"Asking for the newest version of {identity}")
        return str(match[1])

    def mine(self, query: str = "") -> Iterator[Record]:
        """The account's drafts and records of all versions, as the search index has them.

        It is seconds behind, so what matters must be read by its id.
        """
        seen: set[str] = set()
        page = 1
        while True:
            found = self.page(page, query)
            yield from (record for record in found if record.id not in seen)
            before = len(seen)
            seen.update(record.id for record in found)
            if len(found) < _PAGE:
                return
            if len(seen) == before or page >= _MOST_PAGES:
                raise InvalidAnswerError("The server's list of records never ends.")
            page += 1

    def page(self, page: int = 1, query: str = "", size: int = _PAGE) -> list[Record]:
        """One page of `mine`.

        Raises:
            RefusedError: The token is not valid: nobody's records can't be listed.
        """
        wanted: dict[str, str | int] = {"q": query} if query else {}
        answer = self.client.get(
            api_path("user", "records"),
            page=page,
            size=size,
            allversions="true",
            shared_with_me="false",
            **wanted,
        )
        document = usable(answer, "Listing the account's records")
        hits = document.get("hits")
        listed = hits.get("hits") if isinstance(hits, Mapping) else None
        if not isinstance(listed, list):
            raise InvalidAnswerError(
                "The server's list of records can't be read.",
                hint="Is the url that of Zenodo or an InvenioRDM?",
            )
        return [Record.of(each) for each in listed]

    def files(self, record: Record) -> dict[str, FileEntry]:
        """The files of a draft or a published record, by name.

        Raises:
            NotFoundError: The record is gone.
        """
        doing = f"Listing the files of {record.id}"
        listed = usable(self.client.get(self.files_path(record)), doing).get("entries")
        if isinstance(listed, dict):
            listed = [*listed.values()]
        if not isinstance(listed, list):
            raise InvalidAnswerError(f"{doing}: the answer is no list.")
        entries = (FileEntry.of(each) for each in listed)
        return {entry.name: entry for entry in entries}

    def file(self, record: Record, name: str) -> FileEntry | None:
        """One file; None if it is not there."""
        answer = self.client.get(self.files_path(record, name))
        if answer.status in _GONE:
            return None
        return FileEntry.of(usable(answer, f"Looking at {name} in {record.id}"))

    def read(self, record: Record, name: str, limit: int) -> bytes:
        """The content of a small file, cut behind so many bytes.

        Raises:
            NotFoundError: It is gone.
        """
        with self.client.stream(self.files_path(record, name, "content")) as response:
            require_content(response, name)
            return response.answer(limit + 1).body

    def register(self, record: Record, name: str) -> None:
        """Announce a file."""
        answer = self.client.send("POST", self.files_path(record), [{"key": name}])
        usable(answer, f"Announcing {name} in {record.id}")

    def upload(self, record: Record, name: str, size: int, pieces: Iterator[bytes]) -> None:
        """Send a file's bytes.

        Raises:
            TransientError: They did not all arrive, whatever the status said.
        """
        path = self.files_path(record, name, "content")
        doing = f"Sending {name} to {record.id}"
        answer = self.client.upload(path, size, pieces)
        if answer.status == httpx.codes.NOT_FOUND:
            raise TransientError(f"{doing} failed: the server forgot the file meanwhile.")
        if answer.status == httpx.codes.BAD_REQUEST and "transfer" in answer.words.lower():
            # What older servers say where newer ones claim success.
            raise TransientError(f"{doing} broke off: {answer.words}.")
        wrong = complaints(usable(answer, doing))
        if wrong:
            raise TransientError(f"{doing} failed, although with success: {'; '.join(wrong)}.")

    def commit(self, record: Record, name: str) -> None:
        """Say that a file is complete.

        Raises:
            TransientError: The server has no such file any more.
        """
        path = self.files_path(record, name, "commit")
        answer = self.client.send("POST", path)
        doing = f"Completing {name} in {record.id}"
        if answer.status == httpx.codes.NOT_FOUND:
            raise TransientError(f"{doing} failed: the server forgot the file meanwhile.")
        usable(answer, doing)

    def remove_file(self, record: Record, name: str) -> None:
        """Delete a file of a draft. What is gone is no error."""
        answer = self.client.send("DELETE", self.files_path(record, name))
        if not answer.ok and answer.status not in _GONE:
            raise judge(answer, f"Removing {name} from {record.id}")

    def files_path(self, record: Record, *parts: str) -> str:
        """Where a record's files are."""
        side = () if record.published else ("draft",)
        return api_path("records", record.id, *side, "files", *parts)

    def _read(self, path: str, doing: str) -> Record | None:
        answer = self.client.get(path)
        if answer.status in _GONE:
            return None
        return Record.of(usable(answer, doing))


def require_content(response: Response, name: str) -> None:
    """Refuse an answer that is not the file's bytes.

    Raises:
        LabferryError: As `judge` says.
    """
    if response.status in (200, 206):
        return
    answer = Answer(response.status, response.headers, response.answer().body)
    if answer.status in _GONE:
        raise NotFoundError(f"{name} is not there any more.")
    raise judge(answer, f"Reading {name}")
