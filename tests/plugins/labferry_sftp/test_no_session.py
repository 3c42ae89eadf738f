"""Servers that let an account in, or almost, and then speak no SFTP with it."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tests.needs import require_program
from tests.servers.openssh import OpenSsh

from labferry.sdk import ConfigError, RefusedError

from .trying import check


def server(home: Path, **options: str) -> AbstractContextManager[OpenSsh]:
    home.mkdir()
    return OpenSsh(home, **options).running()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo Welcome to storage; exec sftp-server", '"Welcome to storage"'),
        ("exec nologin", "not available"),
        ("exit 1", "ends its SFTP session at once"),
    ],
)
def test_what_the_account_runs_in_place_of_sftp(tmp_path: Path, command: str, said: str) -> None:
    nologin = require_program("nologin", "login")
    command = command.replace("sftp-server", "/usr/lib/openssh/sftp-server")
    command = command.replace("nologin", nologin)
    with (
        server(tmp_path / "server", more=f"ForceCommand {command}") as openssh,
        pytest.raises(RefusedError, match=said) as failure,
    ):
        check(openssh.settings(tmp_path))
    assert "Max packet size" not in str(failure.value)


def test_no_sftp_subsystem(tmp_path: Path) -> None:
    with (
        server(tmp_path / "server", subsystem="other internal-sftp") as openssh,
        pytest.raises(RefusedError, match=r"gets no SFTP session.*Subsystem sftp"),
    ):
        check(openssh.settings(tmp_path))


def test_missing_identity_file_is_named(openssh: OpenSsh, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"Host *\n  IdentityFile {tmp_path}/gone\n")
    table = openssh.settings(tmp_path, private_key=None, ssh_config=str(config))
    with pytest.raises(ConfigError, match=rf"{tmp_path}/gone can't be read.*IdentityFile"):
        check(table)


def test_identity_file_that_holds_no_key_is_an_error_of_the_configuration(
    openssh: OpenSsh, tmp_path: Path
) -> None:
    config, key = tmp_path / "config", tmp_path / "key"
    key.write_text("no key")
    config.write_text(f"Host *\n  IdentityFile {key}\n")
    table = openssh.settings(tmp_path, private_key=None, ssh_config=str(config))
    with pytest.raises(ConfigError, match=r"ssh_config.*IdentityFile"):
        check(table)
