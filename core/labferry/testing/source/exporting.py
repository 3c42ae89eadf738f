"""Cases about beginning an export and following it."""
# ruff: noqa: S101 - assert is how pytest checks

import json
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from labferry.sdk.errors import NotFoundError, SlotBusyError
from labferry.sdk.source import JobState, Offer
from labferry.testing.samples.background import Background
from labferry.testing.source.base import ContractBase

__all__ = ["ExportingCases"]

_PERCENT = 100
_CRC32 = 1 << 32


class ExportingCases(ContractBase):
    """One request begins one export, and whoever knows its name can follow it."""

    def test_submit_begins_one_export(self) -> None:
        """And says how to ask for it again."""
        with self.source() as source:
            status, _ = self.submitted(source)
        assert self.exports == 1
        assert status.job or status.link, "Nobody can find this job again."
        assert status.state is not JobState.FAILED

    def test_request_that_was_written_down_is_as_good(self) -> None:
        """After a crash it is read from the ledger, by another process."""
        with self.source() as source:
            request, lane = self.planned(source)
        again = replace(request, parameters=json.loads(json.dumps(dict(request.parameters))))
        with self.source() as source:
            source.lanes()
            self.finished(source, source.submit(again, lane), lane)
        assert self.exports == 1

    def test_second_export_in_a_lane_is_begun_or_has_to_wait(self) -> None:
        """A server that takes one at a time says so with `SlotBusyError`, nothing else."""
        with self.source() as source:
            status, lane = self.submitted(source)
            request, _ = self.planned(source)
            with suppress(SlotBusyError):
                source.submit(request, lane)
            self.finished(source, status, lane)

    def test_job_is_followed_to_an_offer(self) -> None:
        """With everything that is needed to fetch and verify the archive."""
        with self.source() as source:
            offer, _, _ = self.offered(source)
        assert offer.size is None or offer.size >= 0
        assert offer.crc32 is None or 0 <= offer.crc32 < _CRC32
        assert offer.suffix.startswith(".")
        assert offer.kept_for is None or offer.kept_for > 0

    def test_every_status_is_plausible(self) -> None:
        """Percentages and waits are what they are called."""
        with self.source() as source:
            status, lane = self.submitted(source)
            for each in self.followed(source, status, lane):
                assert each.percent is None or 0 <= each.percent <= _PERCENT
                assert each.wait >= 0
                assert each.offer is None or each.state is JobState.COMPLETED

    def test_job_is_found_by_its_name_alone(self) -> None:
        """Another process goes on with what this one began."""
        with self.source() as source:
            status, lane = self.submitted(source)
        with self.source() as source:
            source.lanes()
            found = source.poll(status.job, status.link, lane)
            assert found.job == status.job
            self.finished(source, found, lane)

    def test_asking_again_gives_the_same_offer(self) -> None:
        """And begins no other export. The link alone may be a new one."""
        with self.source() as source:
            status, lane = self.submitted(source)
            first = self.finished(source, status, lane)
            second = source.poll(first.job, first.link, lane)
        assert _without_link(second.offer) == _without_link(first.offer)
        assert self.exports == 1

    def test_unknown_job_is_not_found(self) -> None:
        """The core then asks for the export anew."""
        missing = self.missing(self.server)
        with self.source() as source:
            _, lane = self.planned(source)
            with pytest.raises(NotFoundError):
                source.poll(missing.job, missing.link, lane)

    def test_lanes_work_side_by_side(self) -> None:
        """One thread for each lane, and none of them the one that made the source."""
        with self.source() as source:
            lanes = source.lanes()
            requests = source.plan(lanes)
            jobs = [(each, each.lane or lanes[0]) for each in requests]
            first = {lane: request for request, lane in reversed(jobs)}
            runs = [
                Background(partial(self._export, source, request, lane))
                for lane, request in first.items()
            ]
            assert all(run.result() for run in runs)
        assert self.exports == len(runs)

    def _export(self, source: Any, request: Any, lane: str) -> bytes:  # noqa: ANN401 - any source
        offer = self.finished(source, source.submit(request, lane), lane).offer
        assert offer is not None
        return self.fetched(source, offer.link or "", lane)


def _without_link(offer: Offer | None) -> Offer | None:
    return None if offer is None else replace(offer, link=None, kept_for=None)
