"""The files of known hosts that nobody has to name, and the option that adds to them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.needs import in_own_mounts
from tests.servers.openssh import OpenSsh
from tests.servers.ssh_keys import make_key

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    """The user's file; there is none yet."""
    return tmp_path / "home/.ssh/known_hosts"


@pytest.fixture
def run(openssh: OpenSsh, user_file: Path, tmp_path: Path) -> Run:
    """`labferry check` of a destination that names no file of known hosts."""
    home = user_file.parent.parent
    home.mkdir()
    table = openssh.settings(tmp_path, known_hosts=None)
    lines = [f"{key} = {value!r}" for key, value in table.items()]
    config = tmp_path / "labferry.toml"
    config.write_text("\n".join(["[destinations.nas]", *lines]))

    def check(*options: str, before: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*before, sys.executable, "-m", "labferry", "check", "-v", "-c", str(config), *options],
            env={**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(tmp_path / "state")},
            capture_output=True,
            text=True,
            check=False,
        )

    return check


def test_user_file_is_asked(openssh: OpenSsh, run: Run, user_file: Path) -> None:
    unknown = run()
    assert unknown.returncode != 0
    assert f"add this line to {user_file}: " in unknown.stderr + unknown.stdout
    user_file.parent.mkdir()
    user_file.write_text(openssh.known_line(openssh.host_keys[0]) + "\n")
    assert run().returncode == 0


def test_system_file_is_asked(openssh: OpenSsh, run: Run, tmp_path: Path) -> None:
    # In the place of the machine's, for this command alone.
    folder = tmp_path / "ssh"
    folder.mkdir()
    (folder / "ssh_known_hosts").write_text(openssh.known_line(openssh.host_keys[0]) + "\n")
    script = f"mount --bind '{folder}' /etc/ssh && exec \"$@\""
    assert run(before=(*in_own_mounts(script),)).returncode == 0


def test_unknown_host_is_learnt_where_that_is_asked_for(
    openssh: OpenSsh, run: Run, user_file: Path
) -> None:
    done = run("--accept-new-host-key")
    assert done.returncode == 0
    assert "Trusted from now on: SHA256:" in done.stdout + done.stderr
    assert user_file.read_text() == openssh.known_line(openssh.host_keys[0]) + "\n"
    assert run().returncode == 0


def test_changed_host_key_is_refused_even_then(
    openssh: OpenSsh, run: Run, user_file: Path, tmp_path: Path
) -> None:
    user_file.parent.mkdir()
    user_file.write_text(openssh.known_line(make_key(tmp_path / "old")) + "\n")
    before = user_file.read_text()
    done = run("--accept-new-host-key")
    assert done.returncode != 0
    assert "but known for it is" in done.stdout + done.stderr
    assert user_file.read_text() == before
