from datetime import UTC, datetime

import pytest

from labferry.lifecycle import ExportJob, Phase
from labferry.sdk import Digests, Offer


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def running(now: datetime) -> ExportJob:
    """A job that the server is at work on."""
    return ExportJob(
        phase=Phase.RUNNING, submitted_at=now, since=now, server_job="23", link="https://eln/23"
    )


@pytest.fixture
def offer() -> Offer:
    return Offer("https://eln/23.zip", 1000, 0xCAFE, kept_for=86_400.0)


@pytest.fixture
def digests() -> Digests:
    return Digests("ab" * 32, 0xCAFE)
