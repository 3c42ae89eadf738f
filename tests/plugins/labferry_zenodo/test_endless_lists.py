"""A server whose list of records has no end."""

import json
from typing import Any, cast

import httpx
import pytest

from labferry.sdk import InvalidAnswerError
from labferry_zenodo import records
from labferry_zenodo.answers import Answer
from labferry_zenodo.client import Client
from labferry_zenodo.records import Records


class Endless:
    """What is used of a client: full pages, of records that are new or not."""

    def __init__(self, *, are_new: bool) -> None:
        self.are_new = are_new

    def get(self, _path: str, *, page: int, size: int, **_: Any) -> Answer:  # noqa: ANN401 - as the client takes it
        first = page * size if self.are_new else 0
        hits = [{"id": str(first + number)} for number in range(size)]
        body = json.dumps({"hits": {"hits": hits}}).encode()
        return Answer(200, httpx.Headers(), body)


@pytest.mark.parametrize("are_new", [False, True])
def test_list_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch, *, are_new: bool) -> None:
    monkeypatch.setattr(records, "_MOST_PAGES", 20)
    with pytest.raises(InvalidAnswerError, match="never ends"):
        list(Records(cast("Client", Endless(are_new=are_new))).mine())
