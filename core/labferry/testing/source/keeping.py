"""Cases about jobs that are looked for after a lost answer, and removed when they are over."""
# ruff: noqa: S101 - assert is how pytest checks

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from labferry.sdk.errors import NotFoundError
from labferry.sdk.source import Source
from labferry.testing.source.base import ContractBase, skip_case

__all__ = ["KeepingCases"]


class KeepingCases(ContractBase):
    """`find_job` and `release_job` have a default; a source that implements them must be right."""

    def require(self, method: str) -> None:
        """Skip the case if the source does not implement an optional method."""
        if getattr(self.source_class, method) is getattr(Source, method):
            skip_case(f"{self.source_class.__name__} does not implement {method}.")

    def test_lost_job_is_found_by_another_process(self) -> None:
        """With what was noted before, which was written down."""
        self.require("find_job")
        since = datetime.now(UTC)
        with self.source() as source:
            request, lane = self.planned(source)
            noted = json.loads(json.dumps(source.note_jobs(request, lane)))
            assert source.find_job(request, since, lane, noted) is None
            job = source.submit(request, lane).job
        with self.source() as source:
            source.lanes()
            found = source.find_job(request, since, lane, noted)
            assert found is not None
            assert found.job == job
            self.finished(source, found, lane)
        assert self.exports == 1

    def test_earlier_job_is_not_taken_for_a_lost_one(self) -> None:
        """An archive of last week would be stored as today's."""
        self.require("find_job")
        with self.source() as source:
            request, lane = self.planned(source)
            self.finished(source, source.submit(request, lane), lane)
            noted = json.loads(json.dumps(source.note_jobs(request, lane)))
            assert source.find_job(request, datetime.now(UTC), lane, noted) is None

    def test_released_job_is_gone_and_no_other(self) -> None:
        """To release it again is no error, or one that says that it is gone."""
        self.require("release_job")
        with self.source() as source:
            first, lane = self._done(source)
            second, _ = self._done(source)
            source.release_job(first.job, first.link, lane)
            with pytest.raises(NotFoundError):
                source.poll(first.job, first.link, lane)
            assert source.poll(second.job, second.link, lane).job == second.job
            with suppress(NotFoundError):
                source.release_job(first.job, first.link, lane)

    def _done(self, source: Any) -> Any:  # noqa: ANN401 - any source
        status, lane = self.submitted(source)
        return self.finished(source, status, lane), lane
