"""Cases about the check before anything is exported, and about broken sources."""
# ruff: noqa: S101 - assert is how pytest checks

from labferry.sdk.findings import Finding, Severity
from labferry.testing.source.base import ContractBase

__all__ = ["PreflightCases"]


class PreflightCases(ContractBase):
    """`check` tells what an export would meet, and begins none."""

    def test_check_finds_a_working_source_fine(self) -> None:
        """It says something, and nothing of it is an error."""
        with self.source() as source:
            findings = list(source.check())
        assert findings, "The check says nothing: yield at least what was asked."
        assert all(isinstance(each, Finding) and each.message for each in findings)
        assert [each for each in findings if each.severity is Severity.ERROR] == []

    def test_check_begins_no_export(self) -> None:
        """However often it is done."""
        with self.source() as source:
            list(source.check())
            list(source.check())
        assert self.exports == 0

    def test_check_fails_where_nothing_can_be_exported(self) -> None:
        """For each of the author's broken settings, with one of labferry's errors."""
        for reason, error in self.errors(self.checked):
            assert error is not None, f"The check finds nothing wrong with {reason}."
            assert error.message, f"The check has no words for {reason}."

    def test_export_fails_where_nothing_can_be_exported(self) -> None:
        """With one of labferry's errors too, at whichever step."""
        for reason, error in self.errors(self.submitted):
            assert error is not None, f"An export was begun with {reason}."
            assert error.message, f"There are no words for {reason}."
