"""Cases about looking into archives, and about exports that need not be made."""
# ruff: noqa: S101 - assert is how pytest checks

import io
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from labferry.sdk.errors import IntegrityError
from labferry.sdk.source import Contents, ExportRequest, JobStatus
from labferry.testing.source.base import ContractBase, skip_case

__all__ = ["ExaminingCases"]

_LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


class ExaminingCases(ContractBase):
    """`examine` and `is_idle` have a default; one that is written must be honest."""

    completed: JobStatus

    def export(self) -> tuple[ExportRequest, bytes]:
        """An archive, and what was asked for."""
        with self.source() as source:
            status, lane = self.submitted(source)
            self.completed = self.finished(source, status, lane)
            assert self.completed.offer is not None
            link = self.completed.offer.link or ""
            return self.planned(source)[0], self.fetched(source, link, lane)

    def examine(self, request: ExportRequest, archive: bytes) -> Contents | None:
        """What a new source says of it."""
        with self.source() as source:
            contents: Contents | None = source.examine_job(
                io.BytesIO(archive), request, self.completed
            )
        return contents

    def fingerprint(self) -> str | None:
        """That of a new export."""
        contents = self.examine(*self.export())
        return None if contents is None else contents.fingerprint

    def test_fingerprint_is_that_of_the_content(self) -> None:
        """Two exports of the same work are alike; what the server makes anew does not count."""
        first = self.fingerprint()
        assert first in {None, self.fingerprint()}

    def test_fingerprint_changes_with_the_content(self) -> None:
        """Else `skip_unchanged` never stores anything again."""
        before = self.fingerprint()
        if before is None:
            skip_case(f"{self.source_class.__name__} makes no fingerprints.")
        if not self.change_content(self.server):
            pytest.skip("Declare change_content: then fingerprints are compared.")
        assert self.fingerprint() != before

    def test_good_archive_is_accepted(self) -> None:
        """Whoever does not look says None; the same archive is always found the same."""
        request, archive = self.export()
        contents = self.examine(request, archive)
        assert contents is None or contents.members >= 0
        assert self.examine(request, archive) == contents

    @pytest.mark.parametrize("damage", ["empty", "cut short", "other bytes"])
    def test_damaged_archive_is_refused_or_not_looked_at(self, damage: str) -> None:
        """`IntegrityError` is the only way to refuse one."""
        request, archive = self.export()
        half = len(archive) // 2
        damaged = {"empty": b"", "cut short": archive[:half], "other bytes": b"\0" * half}
        with suppress(IntegrityError):
            contents = self.examine(request, damaged[damage])
            assert contents is None or contents.fingerprint is None, "It did not look well."

    def test_source_with_changes_is_not_idle(self) -> None:
        """What has changed since ever has changed; idle is what is certain only."""
        with self.source() as source:
            request, lane = self.planned(source)
            assert source.is_idle(request, _LONG_AGO, lane) is False
        assert self.exports == 0
