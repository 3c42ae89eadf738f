"""The promises that every source makes, tried out on a simulated GitLab."""

from typing import Any

from labferry_gitlab import GitLabSource

from labferry.sdk import DownloadCheck, JsonValue
from labferry.testing.source import Missing, SourceContract


class TestGitLabSource(SourceContract):
    """The suite."""

    source_class = GitLabSource
    secrets = ("glpat-s3cr3t-t0ken-0123", "glpat-wrong")
    declares = DownloadCheck.NONE

    def make_settings(self, server: Any) -> dict[str, JsonValue]:
        """The source's table in the configuration."""
        return {
            "type": "gitlab",
            "url": server.url,
            "token": "glpat-s3cr3t-t0ken-0123",
            "projects": ["chemistry/analysis"],
        }

    def count_exports(self, server: Any) -> int:
        """How many exports were asked for."""
        return server.asked

    def missing(self, server: Any) -> Missing:
        """A job and an archive that the server does not have."""
        link = f"{server.url}/api/v4/projects/4711/export#1700000000"
        return Missing("", link, link)

    def server_url(self, server: Any) -> str:
        """Where the suite puts its proxy."""
        return server.url

    def let_exports_fail(self, server: Any) -> bool:
        """From now on, exports end without an archive."""
        server.fails = True
        return True

    def broken_settings(self, server: Any) -> dict[str, dict[str, JsonValue]]:
        """Tables with which nothing can be exported."""
        table = self.make_settings(server)
        return {
            "a wrong token": {**table, "token": "glpat-wrong"},
            "a server that is not there": {**table, "url": "http://127.0.0.1:1"},
            "a project that does not exist": {**table, "projects": ["chemistry/nothing"]},
        }
