"""`labferry check` tells who else can get at the configuration, its secrets and the state."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labferry.actions.check.permissions import check_permissions
from labferry.actions.session import kinds
from labferry.config import Config, load_config
from labferry.plugins import load_plugins

if TYPE_CHECKING:
    from tests.lab import Done, Lab

KEY = {"file": "key"}


def check(lab: Lab) -> list[str]:
    """The warnings about files and folders; there is no source to ask."""
    done: Done = lab.run("check", "--config", str(lab.config))
    assert done.code == 0
    return [line for line in done.messages if "than its owner can" in line]


@pytest.fixture
def lab(lab: Lab) -> Lab:
    lab.write({}, spool_dir="spool")
    lab.config.chmod(0o644)
    for name in ("state", "spool"):
        (lab.folder / name).mkdir(mode=0o700)
    return lab


def test_what_only_the_owner_can_use_is_fine(lab: Lab) -> None:
    assert check(lab) == []


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_configuration_that_others_can_change_is_warned_of(lab: Lab, mode: int) -> None:
    lab.config.chmod(mode)
    (line,) = check(lab)
    assert line.startswith(
        f"warning  configuration: Users other than its owner can change {lab.config}"
    )
    assert f"chmod go-w {lab.config}" in line


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701])
def test_folders_that_others_can_open_are_warned_of(lab: Lab, mode: int) -> None:
    for name in ("state", "spool"):
        (lab.folder / name).chmod(mode)
    state, spool = check(lab)
    assert state.startswith(
        f"warning  state folder: Users other than its owner can use {lab.state}"
    )
    assert f"chmod go= {lab.folder / 'spool'}" in spool


@pytest.fixture
def secretive(lab: Lab) -> Lab:
    """A laboratory whose configuration names a private key and, twice, a file with a password."""
    password = {"file": "password"}
    key = {"type": "sftp", "host": "127.0.0.1", "port": 1, "private_key": "id"}
    lab.write(
        {},
        {
            "one": {**key, "password": password, "required": False},
            "two": {**key, "password": password, "required": False},
        },
    )
    for name in ("id", "password"):
        (lab.folder / name).write_text("nothing that opens anything", encoding="utf-8")
        (lab.folder / name).chmod(0o600)
    return lab


def test_secrets_that_only_the_owner_can_read_are_fine(secretive: Lab) -> None:
    assert check(secretive) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_private_key_and_secrets_in_files_are_warned_of_once(secretive: Lab, mode: int) -> None:
    for name in ("id", "password"):
        (secretive.folder / name).chmod(mode)
    key, password = check(secretive)
    folder = secretive.folder
    assert key.startswith(f"warning  secrets: Users other than its owner can use {folder}/id")
    assert "holds destinations.one.private_key, destinations.two.private_key." in key
    assert f"chmod go= {folder}/id" in key
    assert "holds destinations.one.password, destinations.two.password." in password


@pytest.fixture
def config(lab: Lab) -> Config:
    lab.write({"lab": {"type": "rspace", "url": "https://127.0.0.1:1", "api_key": KEY}})
    (lab.folder / "key").touch(mode=0o600)
    return load_config(lab.config, kinds(load_plugins()))


def test_a_private_key_for_encrypted_archives_is_warned_of(lab: Lab) -> None:
    recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kudy6twzsnn3dm3"
    lab.write({}, {"nas": {"encrypt": {"recipients": [recipient], "identities": [KEY]}}})
    (lab.folder / "key").touch(mode=0o600)
    (lab.folder / "key").chmod(0o604)
    config = load_config(lab.config, kinds(load_plugins()))
    ((subject, finding),) = check_permissions(config)
    assert subject == "secrets"
    assert "holds destinations.nas.encrypt.identities[0]." in finding.message


def owned(monkeypatch: pytest.MonkeyPatch, path: Path, owner: int) -> None:
    """Have a file belong to somebody, which takes root to do in earnest."""
    real = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = real(self, follow_symlinks=follow_symlinks)
        return os.stat_result((*found[:4], owner, *found[5:])) if self == path else found

    monkeypatch.setattr(Path, "stat", stat)


def test_a_configuration_of_somebody_else_is_warned_of(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned(monkeypatch, config.path, os.geteuid() + 4711)
    ((subject, finding),) = check_permissions(config)
    assert subject == "configuration"
    assert f"{config.path} belongs to {os.geteuid() + 4711}. So" in finding.message
    assert f"chown {pwd.getpwuid(os.geteuid()).pw_name} {config.path}" in finding.message


def test_a_configuration_of_root_is_fine(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    owned(monkeypatch, config.path, 0)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert list(check_permissions(config)) == []


def test_a_secret_of_root_may_be_read_through_its_group(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = config.path.with_name("key")
    owned(monkeypatch, file, 0)
    owned(monkeypatch, config.path, 0)
    file.chmod(0o640)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert list(check_permissions(config)) == []
    file.chmod(0o644)
    assert [subject for subject, _ in check_permissions(config)] == ["secrets"]


def test_a_secret_that_is_not_there_is_told_of_by_whoever_needs_it(config: Config) -> None:
    config.path.with_name("key").unlink()
    assert list(check_permissions(config)) == []
