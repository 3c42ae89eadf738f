"""Cases about the check before anything is stored, and about broken destinations."""
# ruff: noqa: S101 - assert is how pytest checks

from collections.abc import Callable
from functools import partial

from labferry.sdk.errors import LabferryError
from labferry.sdk.findings import Finding, Severity
from labferry.testing.samples.documents import MemoryCheckpoint, SampleManifest
from labferry.testing.sink.base import ContractBase

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
        assert self.raw.names() == {}
        archive = self.archive()
        self.store(archive)
        with self.sink() as sink:
            list(sink.check())
            list(sink.check())
        self.assert_committed(archive)
        self.assert_only(archive)

    def test_check_fails_where_nothing_can_be_stored(self) -> None:
        """For each of the author's broken settings, with one of labferry's errors."""
        for reason, settings in self.broken_settings(self.raw).items():
            with self.sink(settings) as sink:
                error = _error_of(partial(list, sink.check()))
            assert error is not None, f"The check finds nothing wrong with {reason}."
            assert error.message, f"The check has no words for {reason}."

    def test_store_fails_where_nothing_can_be_stored(self) -> None:
        """And does not call the archive stored."""
        for reason, settings in self.broken_settings(self.raw).items():
            archive = self.archive()
            arguments = (archive, SampleManifest(archive), MemoryCheckpoint())
            with self.sink(settings) as sink:
                error = _error_of(partial(sink.store, *arguments))
            assert error is not None, f"The archive was called stored with {reason}."
            assert archive.open_readers == 0, f"A reader was left open with {reason}."


def _error_of(call: Callable[[], object]) -> LabferryError | None:
    try:
        call()
    except LabferryError as error:
        return error
    return None
