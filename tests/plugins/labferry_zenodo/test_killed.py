"""Killed before or after any request: the next attempt makes one whole record of it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from tests.speed import first_quick

from labferry.sdk import TransientError
from labferry.sdk.http import Response
from labferry.testing.samples.documents import SampleManifest
from labferry_zenodo.client import Client
from labferry_zenodo.records import Records

from .storing import Storing, sample

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """The process ends here."""


class Death:
    """Ends a process at its nth request; it does nothing any more from then on."""

    def __init__(self, number: int, *, after: bool) -> None:
        self.number = number
        self.after = after
        self.count = 0
        self._original = Client._sent

    @contextmanager
    def sent(self, client: Client, *args: Any, **how: Any) -> Iterator[Response]:  # noqa: ANN401 - as the original
        self.count += 1
        if self.count > self.number or (self.count == self.number and not self.after):
            raise Killed
        with self._original(client, *args, **how) as response:
            if self.count == self.number:
                response.answer()
                raise Killed
            yield response

    def await_in(self, patched: pytest.MonkeyPatch) -> None:
        """Wait in every client that is made from now on."""

        def sent(client: Client, *args: Any, **how: Any) -> AbstractContextManager[Response]:  # noqa: ANN401 - as the original
            return self.sent(client, *args, **how)

        patched.setattr(Client, "_sent", sent)

    def comes_to(self, storing: Storing, job: str, monkeypatch: pytest.MonkeyPatch) -> bool:
        """Store until it is killed; whether it was."""
        with monkeypatch.context() as patched:
            self.await_in(patched)
            try:
                storing.store(sample(job))
            except Killed:
                return True
        return False


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("mode", first_quick(["series", "draft", "publish"]))
def test_killed_at_any_request_is_completed_once(
    storing: Storing, monkeypatch: pytest.MonkeyPatch, mode: str, *, after: bool
) -> None:
    monkeypatch.setattr("labferry_zenodo.publishing._UNCLEAR_SECONDS", 0.0)
    storing.changes |= {"publish": mode != "draft", "series": mode == "series"}
    stored = []
    number = 1
    while Death(number, after=after).comes_to(storing, str(number), monkeypatch):
        storing.store(sample(str(number)))
        stored.append(sample(str(number)))
        storing.assert_whole(*stored)
        number += 1
    assert number > 9
    if mode == "series":
        indices = [storing.record(each).index for each in stored]
        assert indices == [*range(1, len(stored) + 1)]


def test_killed_between_the_intent_and_its_answer_searches_before_it_makes_another(
    storing: Storing, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Request 1 is the search, request 2 makes the draft.
    assert Death(2, after=True).comes_to(storing, "1", monkeypatch)
    assert storing.note(sample("1")).load()["intent"] == "draft"
    assert "draft" not in storing.note(sample("1")).load()
    storing.store(sample("1"))
    assert storing.asked("create") == 1
    storing.assert_whole(sample("1"))


def test_id_of_a_draft_is_noted_as_soon_as_it_is_known(
    storing: Storing, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Death(3, after=False).comes_to(storing, "1", monkeypatch)
    assert storing.note(sample("1")).load()["draft"] == storing.record(sample("1")).id


def test_killed_while_it_deleted_its_own_draft_is_no_persons_doing(
    storing: Storing, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = sample("1")
    failing = sample("1")
    failing.on_read = _fail
    note = storing.note(archive)
    death = Death(8, after=True)
    with monkeypatch.context() as patched:
        death.await_in(patched)
        with storing.sink() as sink, pytest.raises(Killed):
            sink.store(failing, SampleManifest(failing), note)
    assert note.load()["discarding"] is True
    assert storing.account.names() == {}
    storing.store(archive)
    storing.assert_whole(archive)


def test_killed_while_it_publishes_it_does_not_ask_again_at_once(
    publishing: Storing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Records, "publish", killed)
        with pytest.raises(Killed):
            publishing.store()
    with pytest.raises(TransientError, match="not known yet"):
        publishing.store()
    assert publishing.asked("publish") == 0


def _fail(_offset: int) -> None:
    raise RuntimeError("The download failed.")


def test_notes_of_another_server_are_left_aside(storing: Storing) -> None:
    storing.note(sample("1")).save(
        {
            "form": 1,
            "url": "https://zenodo.org",
            "key": sample("1").key,
            "draft": "77",
            "made": True,
        }
    )
    storing.store(sample("1"))
    storing.assert_whole(sample("1"))


@pytest.mark.parametrize("note", [{"form": 2}, {"form": 1, "url": 3}, {"draft": []}, {"form": "1"}])
def test_notes_that_cannot_be_read_are_left_aside(
    storing: Storing, note: dict[str, object]
) -> None:
    storing.note(sample("1")).save(note)  # type: ignore[arg-type] # what could be there
    storing.store(sample("1"))
    storing.assert_whole(sample("1"))
