"""Cases about the check before anything is stored, and about broken destinations."""
# ruff: noqa: S101 - assert is how pytest checks

import pytest

from labferry.sdk.errors import LabferryError
from labferry.sdk.findings import Finding, Severity
from labferry.testing.sink.base import ContractBase
from labferry.testing.samples.documents import MemoryCheckpoint, SampleManifest

__all__ = ["PreflightCases"]


class PreflightCases(ContractBase):
    """`check` tells what a store would meet, and leaves no trace."""

    def test_check_finds_a_working_destination_fine(self) -> None:
        """It says something, and nothing of it is an error."""
        with self.sink() as sink:
            findings = list(sink.check())
        assert findings, "The check says nothing: yield at least what was tried."
        assert all(isinstance(each, Finding) and each.message for each in findings)
        assert [each for each in findings if each.severity is Severity.ERROR] == []

    def test_check_leaves_no_trace(self) -> None:
        """In an empty destination, in a used one, and when it is done twice."""
        with self.sink() as sink:
            list(sink.check())
        assert self.storage.names() == {}
        archive = self.archive()
        self.store(archive)
        with self.sink() as sink:
            list(sink.check())
            list(sink.check())
        self.assert_committed(archive)
        self.assert_only(archive)

    def test_check_fails_where_nothing_can_be_stored(self) -> None:
        """For each of the author's broken settings, with one of labferry's errors."""
        for reason, settings in self.broken_settings(self.storage).items():
            with pytest.raises(LabferryError) as caught, self.sink(settings) as sink:
                list(sink.check())
                pytest.fail(f"The check finds nothing wrong with {reason}.")
            assert caught.value.message, f"No message for {reason}."

    def test_store_fails_where_nothing_can_be_stored(self) -> None:
        """And does not call the archive stored."""
        for reason, settings in self.broken_settings(self.storage).items():
            archive = self.archive()
            with pytest.raises(LabferryError), self.sink(settings) as sink:
                sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
                pytest.fail(f"The archive was called stored with {reason}.")
            assert archive.open_readers == 0, f"A reader was left open with {reason}."
