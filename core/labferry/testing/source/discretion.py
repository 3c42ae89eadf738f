"""Cases about credentials: nothing shows them."""
# ruff: noqa: S101 - assert is how pytest checks

import logging
from collections.abc import Iterator
from contextlib import suppress

import pytest

from labferry.testing.source.base import ContractBase

__all__ = ["DiscretionCases"]


class DiscretionCases(ContractBase):
    """What the source gives out ends up in logs, in the ledger and beside the archives."""

    def assert_discreet(self, text: str, where: str) -> None:
        """No secret is in a text."""
        for secret in self.secrets:
            assert secret not in text, f"A secret is in {where}."

    def test_secrets_to_look_for_are_named(self) -> None:
        """Without them nothing here would find anything."""
        fields = self.source_class.Settings.model_fields
        kept = [name for name, field in fields.items() if "Secret" in str(field.annotation)]
        assert self.secrets or not kept, f"Name what is in {kept} as `secrets`."

    def test_no_secret_is_shown(self) -> None:
        """By the source, its settings, or anything that it returns."""
        with self.source() as source:
            for name, thing in self._everything(source):
                self.assert_discreet(f"{thing!r} {thing}", name)
                if hasattr(thing, "parameters"):
                    self.assert_discreet(str(dict(thing.parameters)), "parameters")

    def test_no_secret_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """At any level, whatever goes wrong."""
        with caplog.at_level(logging.DEBUG), self.source() as source:
            for _, _thing in self._everything(source):
                pass
            with suppress(Exception):  # which one it is, is another case's business
                missing = self.missing(self.server)
                source.poll(missing.job, missing.link, source.lanes()[0])
            list(self.errors(self.checked))
        self.assert_discreet(caplog.text, "a log line")

    def test_no_secret_is_in_an_error(self) -> None:
        """Errors are printed, logged and kept."""
        for reason, error in self.errors(self.checked):
            self.assert_discreet(f"{error!r} {error}", f"the error for {reason}")

    def _everything(self, source: object) -> Iterator[tuple[str, object]]:
        """What one export gives out, by what it is."""
        assert hasattr(source, "settings")
        yield "the source", source
        yield "its settings", source.settings
        request, lane = self.planned(source)
        yield "a request", request
        yield "a lane", lane
        status, lane = self.submitted(source)
        yield "a job", status
        done = self.finished(source, status, lane)
        yield "a completed job", done
        assert done.offer is not None
        yield "the archive's beginning", self.fetched(source, done.offer.link or "", lane)[:1]
