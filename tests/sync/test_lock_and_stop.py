"""One run per state folder, and how everything in a run is told to stop."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Timer

import pytest

from labferry.runtime.lock import run_lock
from labferry.runtime.stop import Stop
from labferry.sdk import LockHeldError, StateError, StoppedError

HOLDER = """
import sys, time
from pathlib import Path
from labferry.runtime.lock import run_lock

with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(state: Path) -> subprocess.Popen[bytes]:
    """A process that holds the lock until it is killed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", HOLDER, str(state)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def take(state: Path) -> None:
    with run_lock(state):
        pass


def test_lock_can_be_taken_again_after_it_was_given_back(tmp_path: Path) -> None:
    take(tmp_path)
    take(tmp_path)
    assert not (tmp_path / "holder.json").exists()


def test_state_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    take(state)
    assert state.stat().st_mode & 0o777 == 0o700


def test_second_run_is_told_at_once_who_holds_the_lock_and_a_dead_holder_holds_none(
    tmp_path: Path,
) -> None:
    with hold(tmp_path) as holder:
        began = time.monotonic()
        with pytest.raises(LockHeldError) as caught:
            take(tmp_path)
        holder.kill()
    assert time.monotonic() - began < 5
    assert f"at work on {tmp_path}: process {holder.pid} on " in caught.value.message
    assert ", since 20" in caught.value.message
    assert (tmp_path / "holder.json").exists()
    take(tmp_path)


@pytest.mark.parametrize("note", [b"", b"[]", b"{}", b"\xff"])
def test_holder_without_a_readable_note_is_told_of_as_far_as_possible(
    note: bytes, tmp_path: Path
) -> None:
    with run_lock(tmp_path):
        (tmp_path / "holder.json").write_bytes(note)
        with pytest.raises(LockHeldError) as caught:
            take(tmp_path)
    assert caught.value.message == f"Another labferry run is at work on {tmp_path}."


@pytest.mark.parametrize("place", ["file", "file/state"])
def test_state_folder_that_cannot_be_made_is_named(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match=f"state folder {tmp_path / place} "):
        take(tmp_path / place)


def test_failure_while_the_lock_is_held_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), run_lock(tmp_path):
        raise ZeroDivisionError
    take(tmp_path)


def test_nothing_stops_before_it_is_asked_to() -> None:
    stop = Stop()
    stop.check()
    stop.wait(0.001)
    assert not stop.requested


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stop_knows_its_signal_and_exit_code(number: int, code: int) -> None:
    stop = Stop()
    stop.request(number)
    assert (stop.requested, stop.exit_code, stop.error.signal_number) == (True, code, number)
    with pytest.raises(StoppedError):
        stop.check()
    with pytest.raises(StoppedError):
        stop.wait(60)


def test_stop_ends_a_wait_that_is_under_way() -> None:
    stop = Stop()
    Timer(0.02, stop.request, [signal.SIGTERM]).start()
    began = time.monotonic()
    with pytest.raises(StoppedError):
        stop.wait(60)
    assert time.monotonic() - began < 5
