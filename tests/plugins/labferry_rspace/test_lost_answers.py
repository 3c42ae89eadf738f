from collections.abc import Callable

import pytest

from labferry.sdk import (
    AnswerLostError,
    JobStatus,
    LabferryError,
    TransientError,
)
from labferry.testing.rspace import (
    Answer,
    Fault,
    JobTiming,
    Options,
    Reset,
    SimulatedRSpace,
    Stall,
    Truncate,
    html_answer,
)
from labferry_rspace import RSpaceSource

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Submit = Callable[[RSpaceSource], JobStatus]


# After a lost answer the job may exist: only what certainly did not begin may be asked for again.


def refusal(submit: Submit, source: RSpaceSource) -> LabferryError:
    with pytest.raises(LabferryError) as caught:
        submit(source)
    return caught.value


def submissions(server: SimulatedRSpace) -> int:
    return sum(request.kind == "submit" for request in server.requests)


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda after: Reset(after_effect=after), id="reset"),
        pytest.param(lambda after: html_answer(502, after_effect=after), id="502"),
        pytest.param(lambda after: html_answer(504, after_effect=after), id="504"),
        pytest.param(lambda after: html_answer(500, after_effect=after), id="500 web page"),
        pytest.param(lambda after: html_answer(200, after_effect=after), id="200 web page"),
        pytest.param(lambda after: Answer(202, after_effect=after), id="202 empty"),
        pytest.param(
            lambda after: Answer(
                202, b"x", after_effect=after, headers=(("Content-Encoding", "gzip, gzip"),)
            ),
            id="202 in an encoding",
        ),
        pytest.param(lambda after: Answer(202, b"[]", after_effect=after), id="202 list"),
        pytest.param(lambda after: Answer(202, b'{"id":9}', after_effect=after), id="no status"),
        pytest.param(
            lambda after: Answer(202, b'{"status":"STARTED"}', after_effect=after), id="no id"
        ),
        pytest.param(
            lambda after: Answer(202, b'{"id":"x","status":"STARTED"}', after_effect=after),
            id="id not numeric",
        ),
    ],
)
def test_trap_2_an_unusable_answer_means_that_an_export_may_have_begun(
    server: SimulatedRSpace,
    connect: Connect,
    submit: Submit,
    act: Callable[[bool], Answer | Reset],
    begun: bool,  # noqa: FBT001 - a table
) -> None:
    server.faults.add(Fault("submit", act(begun)))
    error = refusal(submit, connect(server))
    assert isinstance(error, AnswerLostError)
    assert len(server.exports) == begun
    assert submissions(server) == 1


def test_trap_2_a_truncated_answer_is_a_lost_one(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    server.faults.add(Fault("submit", Truncate(20)))
    assert isinstance(refusal(submit, connect(server)), AnswerLostError)
    assert len(server.exports) == 1


def test_trap_2_a_server_that_outlasts_submit_timeout_leaves_a_lost_answer(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    server.faults.add(Fault("submit", Stall(after_effect=True)))
    source = connect(server, submit_timeout="50ms")
    error = refusal(submit, source)
    assert isinstance(error, AnswerLostError)
    assert "silent for" in str(error)
    assert len(server.exports) == 1


def test_planning_may_take_longer_than_other_answers(
    serve: Serve, connect: Connect, submit: Submit
) -> None:
    server = serve(Options(timing=JobTiming(planning=0.3)))
    assert submit(connect(server, read_timeout="100ms", submit_timeout="5s")).job == "23"


@pytest.mark.parametrize("status", [408, 503])
def test_503_did_not_begin(
    server: SimulatedRSpace, connect: Connect, submit: Submit, status: int
) -> None:
    server.faults.add(Fault("submit", Answer(status, headers=(("Retry-After", "30"),))))
    error = refusal(submit, connect(server))
    assert isinstance(error, TransientError)
    assert not isinstance(error, AnswerLostError)
    assert error.retry_after == 30


def test_connection_refused_did_not_begin(serve: Serve, connect: Connect, submit: Submit) -> None:
    server = serve()
    source = connect(server)
    (lane,) = source.lanes()
    (request,) = source.plan([lane])
    server.stop()
    with pytest.raises(TransientError, match=r"refused") as caught:
        source.submit(request, lane)
    assert not isinstance(caught.value, AnswerLostError)
