"""Cases about lanes and plans."""
# ruff: noqa: S101 - assert is how pytest checks

import json
from collections.abc import Sequence

from labferry.sdk.source import ExportRequest
from labferry.testing.source.base import ContractBase

__all__ = ["PlanningCases"]


class PlanningCases(ContractBase):
    """What is exported has the same name from run to run, and can be written down."""

    def plan(self) -> Sequence[ExportRequest]:
        """The plan of a new source."""
        with self.source() as source:
            requests: Sequence[ExportRequest] = source.plan(source.lanes())
        return requests

    def lanes(self) -> list[str]:
        """The lanes of a new source."""
        with self.source() as source:
            return list(source.lanes())

    def test_lanes_are_names_none_twice(self) -> None:
        """Each can be shown on one line."""
        lanes = self.lanes()
        assert lanes
        assert len({*lanes}) == len(lanes)
        assert all(lane.isprintable() and lane.strip() for lane in lanes)

    def test_lanes_are_stable(self) -> None:
        """A lane names the same credential in the next run."""
        assert self.lanes() == self.lanes()

    def test_plan_names_every_series_once(self) -> None:
        """A series is how an archive finds its predecessor."""
        requests = self.plan()
        assert requests, "Nothing is planned: let the settings name something to export."
        series = [request.series for request in requests]
        assert len({*series}) == len(series)
        assert all(request.series and request.title for request in requests)

    def test_plan_is_deterministic(self) -> None:
        """The same settings and the same server make the same plan, in this run and the next."""
        assert self.plan() == self.plan()

    def test_parameters_are_json(self) -> None:
        """They are kept in the ledger and in manifests, and used again after a crash."""
        for request in self.plan():
            parameters = dict(request.parameters)
            assert json.loads(json.dumps(parameters)) == parameters

    def test_requests_are_for_the_sources_own_lanes(self) -> None:
        """Or for any of them."""
        lanes = self.lanes()
        assert {request.lane for request in self.plan()} <= {*lanes, None}

    def test_planning_begins_no_export(self) -> None:
        """A dry run plans too."""
        self.plan()
        assert self.exports == 0
