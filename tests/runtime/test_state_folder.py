"""A state folder that somebody else can change, and what a run of another user left in it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.needs import give, needs_files_of_others

from labferry.ledger import Ledger
from labferry.runtime.lock import run_lock
from labferry.sdk import LockHeldError, StateError

pytestmark = [pytest.mark.timeout(60), needs_files_of_others()]

SERVICE = 65534
_GONE = 4_194_304
"""No process has this number: it is beyond the largest one."""


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder of the service's user, who can reach it."""
    folder = Path(tempfile.mkdtemp(prefix="labferry-state-"))
    give(folder, SERVICE, SERVICE)
    yield folder
    shutil.rmtree(folder)


def as_service(state: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run something as the service's user."""
    setup = (
        "import os; from pathlib import Path; from labferry.runtime.lock import run_lock; "
        "from labferry.ledger import Ledger; from labferry.sdk import LabferryError\n"
        f"os.setgroups([]); os.setgid({SERVICE}); os.setuid({SERVICE}); "
        f"state = Path({str(state)!r})\n"
        f"try:\n    {code}\nexcept LabferryError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", setup],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


TAKE = "\n    with run_lock(state): print((state / 'holder.json').read_text())"


def leave(path: Path, text: str = "", mode: int = 0o600) -> None:
    """What a run of root's left."""
    path.write_text(text)
    path.chmod(mode)


def note(pid: int, host: str = "") -> str:
    return json.dumps({"pid": pid, "host": host or socket.gethostname(), "since": "2026-01-02"})


def test_what_a_killed_run_of_root_left_is_taken_over(state: Path) -> None:
    leave(state / "lock")
    leave(state / "holder.json", note(_GONE), 0o644)
    done = as_service(state, TAKE)
    assert '"pid"' in done.stdout, done.stdout + done.stderr
    assert (state / "lock").stat().st_uid == SERVICE
    assert not (state / "holder.json").exists()


def test_a_run_of_root_that_is_still_at_work_is_left_alone(state: Path) -> None:
    leave(state / "lock")
    leave(state / "holder.json", note(os.getpid()), 0o644)
    done = as_service(state, TAKE)
    assert done.stdout.startswith(f"Another labferry run is at work on {state}: process ")
    assert (state / "lock").stat().st_uid == 0


def test_a_run_on_another_machine_may_still_be_at_work(state: Path) -> None:
    leave(state / "lock")
    leave(state / "holder.json", note(_GONE, "elsewhere"), 0o644)
    done = as_service(state, TAKE)
    assert done.stdout == (
        f"{state}/lock can't be used: it belongs to root. Give it back: chown nobody {state}/lock\n"
    )


@pytest.mark.parametrize("name", ["ledger.db", "ledger.db-wal", "ledger.db-shm"])
def test_a_file_of_the_ledger_that_root_left_is_named(name: str, state: Path) -> None:
    Ledger(state / "ledger.db").close()
    give(state / "ledger.db", SERVICE, SERVICE)
    leave(state / name)
    give(state / name, 0, 0)
    done = as_service(state, "Ledger(state / 'ledger.db').close()")
    assert done.stdout == (
        f"The ledger {state}/ledger.db can't be used: {state}/{name} belongs to root. "
        f"Give it back: chown nobody {state}/{name}\n"
    ), done.stderr


def test_root_does_not_use_the_folder_of_another_user(state: Path) -> None:
    with pytest.raises(StateError, match="it belongs to nobody, not to root") as caught:
        run_lock(state).__enter__()
    assert caught.value.hint == "Run labferry as nobody, or set state_dir to a folder of root."
    assert list(state.iterdir()) == []


def test_a_folder_that_all_can_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(StateError, match="others than its owner can write it"):
        run_lock(tmp_path).__enter__()


@pytest.mark.parametrize("name", ["lock", "ledger.db", "ledger.db-wal", "ledger.db-shm"])
@pytest.mark.parametrize("kind", ["a link", "a FIFO"])
def test_links_and_fifos_in_the_folder_are_named(name: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    if kind == "a link":
        (state / name).symlink_to("../precious")
    else:
        os.mkfifo(state / name)
    use = run_lock(state).__enter__ if name == "lock" else lambda: Ledger(state / "ledger.db")
    with pytest.raises(StateError, match=f"it is {kind}, not a file"):
        use()
    assert (tmp_path / "precious").read_bytes() == b"precious"


@pytest.mark.parametrize("kind", ["a link", "a FIFO"])
def test_the_note_of_the_holder_replaces_what_is_planted(kind: str, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    if kind == "a link":
        (state / "holder.json").symlink_to("../precious")
    else:
        os.mkfifo(state / "holder.json")
    with run_lock(state):
        assert json.loads((state / "holder.json").read_text())["pid"] == os.getpid()
        with pytest.raises(LockHeldError):
            run_lock(state).__enter__()
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_a_state_folder_behind_a_link_is_used(tmp_path: Path) -> None:
    """systemd makes one for DynamicUser."""
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "state").symlink_to("private")
    with run_lock(tmp_path / "state"):
        assert (tmp_path / "private/holder.json").exists()


def test_a_process_of_labferry_leaves_no_core_file() -> None:
    code = (
        "import resource, sys; from labferry.cli.main import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: print(resource.getrlimit(resource.RLIMIT_CORE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("(0, 0)\n")
