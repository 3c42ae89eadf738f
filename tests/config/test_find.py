"""Where the configuration file and the state folder are looked for."""

import os
from pathlib import Path

import pytest

from labferry.config import find, find_config
from labferry.config.find import find_state_dir
from labferry.sdk import ConfigError


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The three places that are looked at, in a world of their own."""
    folders = [tmp_path / "here", tmp_path / "user/labferry", tmp_path / "etc/labferry"]
    for folder in folders:
        folder.mkdir(parents=True)
    monkeypatch.chdir(folders[0])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(find, "_SYSTEM_FOLDER", folders[2])
    monkeypatch.delenv("LABFERRY_CONFIG", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    return [folder / "labferry.toml" for folder in folders]


def test_the_file_on_the_command_line_comes_first(
    places: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    places[0].touch()
    monkeypatch.setenv("LABFERRY_CONFIG", "/from/environment.toml")

    assert find_config(Path("asked.toml")) == Path("asked.toml")


def test_the_file_in_the_environment_comes_second(
    places: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    places[0].touch()
    monkeypatch.setenv("LABFERRY_CONFIG", "/from/environment.toml")

    assert find_config(None) == Path("/from/environment.toml")


def test_an_empty_variable_names_no_file(
    places: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    places[0].touch()
    monkeypatch.setenv("LABFERRY_CONFIG", "")

    assert find_config(None) == places[0]


@pytest.mark.parametrize("first", [0, 1, 2])
def test_the_first_place_that_has_a_file_is_used(places: list[Path], first: int) -> None:
    for place in places[first:]:
        place.touch()

    assert find_config(None) == places[first]


def test_without_any_file_the_places_are_named(places: list[Path]) -> None:
    with pytest.raises(ConfigError) as caught:
        find_config(None)

    assert str(caught.value) == (
        f"There is no configuration file; looked for {places[0]}, {places[1]}, {places[2]}. "
        "Name one with --config or $LABFERRY_CONFIG, or let `labferry init` write one."
    )


def test_a_place_that_may_not_be_looked_at_is_not_passed_over(
    places: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if self == places[1]:
            raise PermissionError
        return real(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)  # root may look anywhere

    assert find_config(None) == places[1]


def test_a_folder_that_is_a_file_has_no_configuration_in_it(places: list[Path]) -> None:
    places[1].parent.rmdir()
    places[1].parent.touch()
    places[2].touch()

    assert find_config(None) == places[2]


@pytest.mark.parametrize("value", ["/var/lib/a", "/var/lib/a:/var/lib/b"])
def test_the_state_folder_is_the_first_that_systemd_names(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", value)

    assert find_state_dir() == Path("/var/lib/a")


def test_without_systemd_the_state_folder_is_the_users(tmp_path: Path) -> None:
    assert find_state_dir() == tmp_path / "state/labferry"
