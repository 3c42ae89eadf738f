"""How often the server is asked."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from labferry.testing.rspace import (
    Answer,
    Fault,
    JobTiming,
    Limit,
    Options,
    SimulatedRSpace,
    Throttling,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Source
    from tests.lab import Lab

TOO_MANY = json.dumps({"status": "TOO_MANY_REQUESTS", "httpCode": 429, "message": "Slow down"})


def _polls(server: SimulatedRSpace) -> list[float]:
    """When the job was asked for, from the answer to its submission on."""
    return [request.at for request in server.requests if request.kind in {"submit", "poll"}]


def test_the_interval_of_the_configuration_is_kept(lab: Lab, serve: Serve, source: Source) -> None:
    server = serve(Options(timing=JobTiming(run=0.8)))
    lab.write({"lab": source(server, poll_interval="300ms")})

    assert lab.run("sync").code == 0

    gaps = [later - earlier for earlier, later in pairwise(_polls(server))]
    assert 2 <= len(gaps) <= 4
    assert min(gaps) >= 0.29


@pytest.mark.parametrize(
    ("name", "value"), [("Retry-After", "1"), ("X-Rate-Limit-WaitTimeMillis", "900")]
)
def test_the_server_may_ask_for_more_patience(
    lab: Lab, server: SimulatedRSpace, source: Source, name: str, value: str
) -> None:
    answer = Answer(429, TOO_MANY.encode(), "application/json", headers=((name, value),))
    server.faults.add(Fault("poll", answer))
    lab.write({"lab": source(server)})

    assert lab.run("sync").code == 0

    refused = next(n for n, r in enumerate(server.requests) if r.status == 429)
    assert server.requests[refused + 1].at - server.requests[refused].at >= 0.89


def test_a_server_with_a_small_budget_is_served_in_the_end(
    lab: Lab, serve: Serve, source: Source
) -> None:
    limits = Throttling(quarter_min=Limit(4, 1.0), min_interval_ms=0)
    server = serve(Options(timing=JobTiming(run=0.2), throttling=limits))
    lab.write({"lab": source(server)})

    assert lab.run("sync").code == 0

    refused = [n for n, request in enumerate(server.requests) if request.status == 429]
    asked = [request.at for request in server.requests]
    assert refused
    # A token comes every quarter of a second; part of one may be there already.
    assert min(asked[n + 1] - asked[n] for n in refused) > 0.05
