"""The contract over the sources of this folder, good and broken; run by the test beside it."""

import inspect
import sys
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from tests.testing.source import broken_sources, broken_web_sources
from tests.testing.source.notebook_source import KEY, NotebookServer, NotebookSource
from tests.testing.source.web_notebook import WEB_KEY, WebNotebook, WebServer, web_server

from labferry.sdk import JsonValue, Source
from labferry.testing.source import Missing, SourceContract
from labferry.testing.source.base import ContractBase
from labferry.testing.source.downloading import DownloadingCases
from labferry.testing.source.examining import ExaminingCases
from labferry.testing.source.failing import FailingCases
from labferry.testing.source.keeping import KeepingCases

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


class WebSite(ContractBase):
    """What is declared of the server that speaks HTTP."""

    __test__ = False
    secrets = (WEB_KEY,)
    patience = 1.0

    @pytest.fixture
    def server(self) -> Iterator[WebServer]:
        with web_server() as server:
            yield server

    def make_settings(self, server: WebServer) -> dict[str, JsonValue]:
        return {"type": "web-notebook", "url": server.url, "key": WEB_KEY}

    def server_url(self, server: WebServer) -> str:
        return server.url

    def change_content(self, server: WebServer) -> bool:
        server.text += "A light from the shadows shall spring."
        return True

    def let_exports_fail(self, server: WebServer) -> bool:
        server.fails = True
        return True

    def count_exports(self, server: WebServer) -> int:
        return server.begun

    def missing(self, server: WebServer) -> Missing:
        del server
        return Missing("99", "/jobs/99", "/files/99")


class WebContract(WebSite, SourceContract):
    __test__ = False


class WebCases(WebSite, DownloadingCases, ExaminingCases, FailingCases, KeepingCases):
    """The cases that are about what a source does with HTTP: enough for the broken ones."""

    __test__ = False


def _suite(source_class: type[Source[Any]], contract: type[ContractBase]) -> type[ContractBase]:
    body = {"source_class": source_class, "__test__": True, "__module__": __name__}
    return type(f"Test{source_class.__name__}", (contract,), body)


for _module in (broken_sources, broken_web_sources):
    for _name, _class in inspect.getmembers(_module, inspect.isclass):
        if issubclass(_class, NotebookSource):
            setattr(sys.modules[__name__], f"Test{_name}", _suite(_class, NotebookContract))
        elif issubclass(_class, WebNotebook):
            is_good = _class is WebNotebook
            _contract = WebContract if is_good else WebCases
            setattr(sys.modules[__name__], f"Test{_name}", _suite(_class, _contract))
