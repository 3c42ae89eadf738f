"""The account that the documentation asks for: no shell, and nothing but its own folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.needs import in_own_mounts, require_root
from tests.servers.openssh import OpenSsh

from labferry.sdk import Checked, NotFoundError
from labferry.testing.samples import MemoryCheckpoint, SampleManifest

from .trying import check, sample, sink, store

_PLACE = "/mnt"
_CONFIG = f"Match User {{user}}\n  ChrootDirectory {_PLACE}\n  ForceCommand internal-sftp -u 0077"


@pytest.fixture
def jail(tmp_path: Path) -> Path:
    """What the account takes for its root."""
    folder = tmp_path / "jail"
    (folder / "archives").mkdir(parents=True, mode=0o755)
    return folder


@pytest.fixture
def jailed(tmp_path: Path, jail: Path) -> Iterator[OpenSsh]:
    """A server that alone sees the folder where OpenSSH accepts one: in no folder of others'."""
    require_root("an SSH server that uses ChrootDirectory")
    home = tmp_path / "server"
    home.mkdir()
    server = OpenSsh(home)
    config = home / "sshd_config"
    config.write_text(f"{config.read_text()}\n{_CONFIG.format(user=server.user)}\n")
    mount = f"mount --bind '{jail}' {_PLACE} && exec"
    with server.running(*in_own_mounts(f'{mount} "$@"', as_real_root=True)):
        yield server


def test_chrooted_account_stores_lists_and_deletes(jailed: OpenSsh, jail: Path) -> None:
    table, archive = jailed.settings("/archives"), sample()
    receipt = store(table, archive)
    place = jail / "archives" / archive.key
    assert place.read_bytes() == archive.content.read(0, archive.size)
    assert place.stat().st_mode & 0o777 == 0o600
    assert receipt.checked is Checked.READ_BACK
    assert (receipt.url or "").endswith(f"/archives/{archive.key}")
    made = sink(table)
    (stored,) = made.list()
    with made.open(stored, 5) as file:
        assert file.read(10) == archive.content.read(5, 10)
    assert list(made.strays()) == []
    made.delete(stored)
    assert list(made.list()) == []
    made.close()


def test_path_of_a_chrooted_account_begins_at_its_own_root(jailed: OpenSsh, jail: Path) -> None:
    assert any(
        "/archives can be written and read" in each for each in check(jailed.settings("archives"))
    )
    with pytest.raises(NotFoundError, match="There is no folder"):
        check(jailed.settings(str(jail / "archives")))


def test_bytes_are_read_back_where_a_chrooted_account_has_no_shell(jailed: OpenSsh) -> None:
    archive, made = sample(), sink(jailed.settings("/archives", upload_check="auto"))
    receipt = made.store(archive, SampleManifest(archive), MemoryCheckpoint())
    made.close()
    assert receipt.checked is Checked.READ_BACK
