"""A server that claims that every folder has another one in it, and files of any time."""

from collections.abc import Sequence
from typing import cast

import pytest

from labferry.sdk.strays import changed_at
from labferry_sftp.files import Entry
from labferry_sftp.listing import everything
from labferry_sftp.remote import Remote


class Endless:
    """What is used of a connection."""

    def path(self, *names: str) -> str:
        return "/".join(names)

    def entries(self, paths: Sequence[str]) -> list[list[Entry]]:
        return [[Entry("d", "directory", 0, None), Entry("f", "file", 1, None)] for _ in paths]


def test_folders_without_end_are_left_where_no_key_can_be() -> None:
    found = [*everything(cast("Remote", Endless()))]
    assert 10 < len(found) < 100


@pytest.mark.parametrize("seconds", [1 << 40, -(1 << 40), 1 << 63, 1e308, float("nan")])
def test_times_that_are_none(seconds: float) -> None:
    assert changed_at(seconds) is None
