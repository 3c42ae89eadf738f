"""What is told, how much of it, and where."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labferry.testing.rspace import ALICE_KEY, JobTiming, Options, SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Source
    from tests.lab import Lab


def test_nothing_is_told_when_all_is_well(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)})

    for arguments in (["check"], ["sync"]):
        done = lab.run(*arguments)
        assert (done.code, done.out, done.err) == (0, "", "")


def test_a_person_at_a_terminal_is_told_what_happens(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)})
    lab.environment["TERM"] = "dumb"  # no bars in between

    done = lab.run_on_terminal("sync")

    assert done.code == 0
    size = f"{server.exports[0].size / 1000:.1f} kB"
    shown = re.sub(r" +", " ", done.out)
    assert f"\nlab: work of alice stored {size} nas read back\n" in shown
    assert "labferry: lab: work of alice: asking the server for the export\n" in done.out
    assert f"\nExports: 1 stored ({size}); it took " in done.out


def test_a_person_may_want_silence(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    lab.write({"lab": source(server)})

    assert lab.run_on_terminal("sync", "-q").out == ""


def test_more_is_told_on_request_and_messages_go_to_stderr(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)})

    more, everything = lab.run("sync", "-v"), lab.run("sync", "-vv")

    for done in (more, everything):
        assert done.out.startswith("lab: work of alice: stored at nas: ")
        assert all(line.startswith("labferry: ") for line in done.messages)
        assert len(done.out.splitlines()) == 2
        assert len(done.messages) > 2


def test_waiting_is_told_once(lab: Lab, serve: Serve, source: Source) -> None:
    server = serve(Options(timing=JobTiming(run=0.4)))
    lab.write({"lab": source(server)})

    told = lab.run("sync", "-v").err
    assert told.count("waiting for the server to finish the export\n") == 1


def test_a_plain_secret_is_warned_of_once(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": {**source(server), "api_key": ALICE_KEY}})
    lab.config.chmod(0o600)

    for arguments in (["sync", "--json"], ["sync", "--dry-run"], ["check"]):
        done = lab.run(*arguments)
        assert done.code == 0
        assert done.err.count("plain text") == 1
        assert "sources.lab.api_key" in done.err
        assert "plain text" not in done.out or "--json" in arguments
    assert lab.run("check", "-q").err == ""


def test_a_plain_secret_that_others_can_read_is_refused(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": {**source(server), "api_key": ALICE_KEY}})
    lab.config.chmod(0o644)

    done = lab.run("sync")

    assert done.code == 2
    assert f"chmod 600 {lab.config}" in done.err
    assert server.requests == []


def test_a_single_mistake_is_one_line(lab: Lab, source: Source) -> None:
    lab.write({"lab": source("https://rspace.example.edu", format="docx")})

    done = lab.run("sync")

    assert done.code == 2
    (line,) = done.messages
    assert line.startswith(f"labferry: {lab.config}:")
    assert "sources.lab.format: expected" in line


def test_several_mistakes_are_one_block(lab: Lab, source: Source) -> None:
    lab.write({"lab": source("rspace", format="docx")}, {"nas": {"type": "lokal"}})

    done = lab.run("check")

    head, *mistakes = done.messages
    assert head == "labferry: The configuration has 3 mistakes:"
    assert all(line.startswith(f"  {lab.config}:") for line in mistakes)
    assert len(mistakes) == 3


def test_a_value_that_may_be_a_secret_is_not_repeated(lab: Lab, source: Source) -> None:
    keys = source("https://rspace.example.edu")
    lab.write(
        {"lab": {**keys, "api_key": {"env": ["wrongWrongWrong99"]}, "scope": "wrongWrongWrong99"}}
    )

    assert lab.run("sync", "-vv", "--json").code == 2


def test_the_configuration_is_found_where_it_should_be(
    lab: Lab, server: SimulatedRSpace, source: Source, tmp_path: Path
) -> None:
    lab.write({"lab": source(server)})
    elsewhere = tmp_path / "elsewhere.toml"
    lab.config.rename(elsewhere)

    nowhere = lab.run("check")
    assert nowhere.code == 2
    assert f"looked for {lab.config}, " in nowhere.err
    assert "labferry init" in nowhere.err
    named = lab.run("check", LABFERRY_CONFIG=str(elsewhere))
    assert "destination nas" in named.err
    assert named.code == 1


def test_output_that_nobody_reads_is_no_disaster(lab: Lab) -> None:
    for target in ("| head -c 1", "> /dev/full"):
        done = lab.run_program("sh", "-c", f'"{sys.executable}" -m labferry schema {target}')
        assert "Exception" not in done.err
        assert ("No space left on device" in done.err) == ("full" in target)
        assert done.code == (1 if "full" in target else 0)


def test_a_failure_of_labferry_itself_is_told_without_a_traceback(
    lab: Lab, server: SimulatedRSpace, source: Source, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import labferry.actions.sync as sync\n"
        "def broken(*_):\n"
        "    raise ZeroDivisionError('by aliceAliceAliceAlice01')\n"
        "sync.run_sync = broken\n",
        encoding="utf-8",
    )
    lab.write({"lab": source(server)})

    done = lab.run("sync", "--json", PYTHONPATH=str(tmp_path))

    assert done.code == 1
    assert done.document["problems"] == [{"message": done.messages[0].removeprefix("labferry: ")}]
    assert "ZeroDivisionError: by ***" in done.err
    assert "-vv" in done.err
