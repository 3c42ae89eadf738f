"""`labferry check` tells who else can get at the configuration and the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Done, Site


def check(site: Site) -> list[str]:
    """The warnings about the configuration and the folders; there is no source to ask."""
    done: Done = site.run("check")
    assert done.code == 0
    return [line for line in done.messages if " open to " in line or " changed by " in line]


@pytest.fixture
def site(site: Site) -> Site:
    site.write({}, spool_dir="spool")
    site.config.chmod(0o644)
    for name in ("state", "spool"):
        (site.folder / name).mkdir(mode=0o700)
    return site


def test_what_only_the_owner_can_use_is_fine(site: Site) -> None:
    assert check(site) == []


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_configuration_that_others_can_change_is_warned_of(site: Site, mode: int) -> None:
    site.config.chmod(mode)
    (line,) = check(site)
    assert line.startswith(f"warning  configuration: {site.config} can be changed by others")
    assert f"chmod go-w {site.config}" in line


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701])
def test_folders_that_others_can_open_are_warned_of(site: Site, mode: int) -> None:
    for name in ("state", "spool"):
        (site.folder / name).chmod(mode)
    state, spool = check(site)
    assert state.startswith(f"warning  state folder: {site.state} is open to others")
    assert f"chmod go= {site.folder / 'spool'}" in spool
