"""The contract over the sources of this folder, good and broken; run by the test beside it."""

import inspect
import sys
from collections.abc import Iterator
from itertools import count

import pytest
from tests.testing.source import broken_sources
from tests.testing.source.notebook_source import KEY, NotebookServer, NotebookSource

from labferry.sdk import JsonValue
from labferry.testing.source import Missing, SourceContract

_numbers = count()


class NotebookContract(SourceContract):
    __test__ = False
    secrets = (KEY, "wr0ng-s3cr3t")
    patience = 2.0

    @pytest.fixture
    def server(self) -> Iterator[NotebookServer]:
        server = NotebookServer(f"https://notebook-{next(_numbers)}.example.edu")
        NotebookServer.running[server.url] = server
        yield server
        del NotebookServer.running[server.url]

    def make_settings(self, server: NotebookServer) -> dict[str, JsonValue]:
        return {"type": "notebook", "url": server.url, "key": KEY}

    def broken_settings(self, server: NotebookServer) -> dict[str, dict[str, JsonValue]]:
        return {"a wrong key": {"type": "notebook", "url": server.url, "key": "wr0ng-s3cr3t"}}

    def count_exports(self, server: NotebookServer) -> int:
        return len(server.jobs)

    def missing(self, server: NotebookServer) -> Missing:
        del server
        return Missing("99", "jobs/99", "files/99.zip")


def _suite(source_class: type[NotebookSource]) -> type[NotebookContract]:
    body = {"source_class": source_class, "__test__": True, "__module__": __name__}
    return type(f"Test{source_class.__name__}", (NotebookContract,), body)


for _name, _class in inspect.getmembers(broken_sources, inspect.isclass):
    if issubclass(_class, NotebookSource):
        setattr(sys.modules[__name__], f"Test{_name}", _suite(_class))
