"""What is particular to GitLab, and so in no suite."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from labferry_gitlab import GitLabSettings, GitLabSource

from labferry.sdk import IntegrityError, InvalidAnswerError, JobState, TransientError

TABLE = {"type": "gitlab", "token": "glpat-s3cr3t-t0ken-0123", "projects": ["chemistry/analysis"]}


@pytest.fixture
def source(server: Any) -> Iterator[GitLabSource]:
    """A source over the simulated server."""
    table = {**TABLE, "url": server.url}
    source = GitLabSource("code", GitLabSettings.model_validate(table))
    yield source
    source.close()


def test_an_earlier_export_is_not_taken_for_the_new_one(source: GitLabSource, server: Any) -> None:
    """Until the new one begins, GitLab says "finished" and offers the last one."""
    server.slowness, server.old_first = 0, 1
    (lane,) = source.lanes()
    job = source.submit(source.plan([lane])[0], lane)
    offer = source.poll(job.job, job.link, lane).offer
    assert offer is not None
    assert (offer.size, offer.crc32, offer.sha256) == (None, None, None)
    link = offer.link or ""
    with pytest.raises(TransientError, match="earlier export"), source.download(link, lane):
        pass
    with source.download(link, lane) as download:
        archive = b"".join(download.chunks)
    assert archive == server.archive
    assert source.examine(BytesIO(archive), source.plan([lane])[0]).members == 2


def test_what_was_working_and_is_gone_has_failed(source: GitLabSource, server: Any) -> None:
    """Before it began, the same answer means that it has not begun."""
    server.fails, server.slowness = True, 2
    (lane,) = source.lanes()
    job = source.submit(source.plan([lane])[0], lane)
    queued = source.poll(job.job, job.link, lane)
    assert queued.state is JobState.RUNNING
    assert source.poll(job.job, job.link, lane).state is JobState.RUNNING
    assert source.poll(queued.job, queued.link, lane).state is JobState.FAILED


def test_a_page_is_no_archive(source: GitLabSource, server: Any) -> None:
    """Whatever its status."""
    (lane,) = source.lanes()
    source.submit(source.plan([lane])[0], lane)
    server.archive = b"<html>Please sign in</html>"
    link = f"{server.url}/api/v4/projects/42/export#0"
    with pytest.raises(InvalidAnswerError), source.download(link, lane):
        pass


@pytest.mark.parametrize("cut", [0, 100])
def test_an_archive_that_is_cut_is_refused(source: GitLabSource, server: Any, cut: int) -> None:
    """Nothing but the archive itself can tell."""
    (lane,) = source.lanes()
    with pytest.raises(IntegrityError):
        source.examine(BytesIO(server.export()[:cut]), source.plan([lane])[0])
