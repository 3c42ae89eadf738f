"""Archives that do not arrive as they were declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.speed import first_quick

from labferry.testing.rspace import (
    BitFlip,
    Fault,
    JobEnds,
    Outcome,
    SimulatedRSpace,
    Truncate,
    html_answer,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Source
    from tests.lab import Done, Lab


def _assert_refused(lab: Lab, done: Done, code: int, *words: str) -> None:
    assert done.code == code, done.err
    head, problem, advice = done.messages
    assert head.startswith(f"labferry: Run 1 ended with exit code {code} (")
    assert problem.startswith("labferry: lab: work of alice: ")
    assert advice.startswith("labferry: The next run tries again what failed")
    for word in words:
        assert word in problem
    assert lab.files() == []


@pytest.mark.parametrize(
    ("act", "code", "word"),
    first_quick(
        [
            (BitFlip(1000), 4, "but the server declared"),
            (Truncate(1000, honest=True), 4, "a file of 1000 bytes, but declared"),
            (Truncate(0, honest=True), 4, "a file of 0 bytes, but declared"),
            (Truncate(1000), 1, "broke off"),
            (Truncate(1000, reset=True), 1, "broke off"),
            (html_answer(200), 1, "a web page instead of an archive"),
        ]
    ),
    ids=["wrong byte", "too short", "empty", "cut", "reset", "web page"],
)
def test_a_download_that_never_gets_better(
    lab: Lab, server: SimulatedRSpace, source: Source, act: BitFlip, code: int, word: str
) -> None:
    server.faults.add(Fault("download", act, times=None))
    lab.write({"lab": source(server, poll_interval="2ms")})

    _assert_refused(lab, lab.run("sync"), code, word)


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Outcome.WRONG_SIZE, "but declared the archive to have"),
        (Outcome.WRONG_CHECKSUM, "but the server declared"),
    ],
)
def test_a_declaration_that_does_not_fit(
    lab: Lab, server: SimulatedRSpace, source: Source, outcome: Outcome, word: str
) -> None:
    server.faults.add(Fault("job", JobEnds(outcome)))
    lab.write({"lab": source(server)})

    _assert_refused(lab, lab.run("sync"), 4, "refused after 3 downloads", word)


@pytest.mark.parametrize(
    "act", [BitFlip(1000), Truncate(1000), Truncate(1000, reset=True), html_answer(200)]
)
def test_a_download_that_gets_better_is_no_failure(
    lab: Lab, server: SimulatedRSpace, source: Source, act: BitFlip
) -> None:
    server.faults.add(Fault("download", act))
    lab.write({"lab": source(server)})

    done = lab.run("sync")

    assert (done.code, done.err) == (0, "")
    (archive,) = lab.archives()
    assert archive.read_bytes() == server.exports[0].content()
    assert len(server.exports) == 1


def test_an_archive_that_could_not_be_had_is_had_by_the_next_run(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    server.faults.add(Fault("download", Truncate(0), times=None))
    lab.write({"lab": source(server, poll_interval="2ms")}, retry_for="50ms")

    codes = [lab.run("sync").code]
    server.faults.clear()
    codes.append(lab.run("sync").code)

    assert codes == [1, 0]
    assert len(server.exports) == 1
    assert len(lab.archives()) == 1


def test_the_document_tells_what_was_refused(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    server.faults.add(Fault("job", JobEnds(Outcome.WRONG_CHECKSUM)))
    lab.write({"lab": source(server)})

    (export,) = lab.run("sync", "--json").document["exports"]

    assert (export["outcome"], export["exit_code"], export["receipts"]) == ("failed", 4, [])
    assert "refused after 3 downloads" in export["problems"][0]["message"]
