"""Where the configuration file and the state folder are looked for."""

import grp
import os
import pwd
from pathlib import Path

import pytest

from labferry.config import Kinds, find, load_config
from labferry.config.find import ConfigPlace, find_config, find_state_dir
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

    assert find_config(Path("asked.toml")) == ConfigPlace(Path.cwd() / "asked.toml", "--config")


def test_the_file_in_the_environment_comes_second(
    places: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    places[0].touch()
    monkeypatch.setenv("LABFERRY_CONFIG", "/from/environment.toml")

    assert find_config(None) == ConfigPlace(Path("/from/environment.toml"), "$LABFERRY_CONFIG")


def test_an_empty_variable_names_no_file(
    places: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    places[0].touch()
    monkeypatch.setenv("LABFERRY_CONFIG", "")

    assert find_config(None) == ConfigPlace(places[0])


@pytest.mark.parametrize("first", [0, 1, 2])
def test_the_first_place_that_has_a_file_is_used(places: list[Path], first: int) -> None:
    for place in places[first:]:
        place.touch()

    assert find_config(None) == ConfigPlace(places[first])


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

    assert find_config(None) == ConfigPlace(places[1])


def test_a_folder_that_is_a_file_has_no_configuration_in_it(places: list[Path]) -> None:
    places[1].parent.rmdir()
    places[1].parent.touch()
    places[2].touch()

    assert find_config(None) == ConfigPlace(places[2])


def _becomes_somebody_elses(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)


@pytest.fixture
def found(places: list[Path], good: str) -> Path:
    """A good configuration in the current folder, which nobody names."""
    places[0].write_text(good)
    places[0].chmod(0o640)
    places[0].parent.chmod(0o755)
    return places[0]


def test_a_file_that_was_found_is_used_if_it_is_ones_own(found: Path, kinds: Kinds) -> None:
    assert load_config(None, kinds).path == found


@pytest.mark.parametrize("of", ["file", "folder", "linked file", "folder of a linked file"])
@pytest.mark.parametrize("fault", ["owner", "group", "others"])
def test_a_file_that_was_found_is_refused_if_others_can_write_it(
    of: str, fault: str, found: Path, kinds: Kinds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "linked" in of:
        real = tmp_path / "real" / "a.toml"
        real.parent.mkdir(mode=0o755)
        found.rename(real)
        found.symlink_to(real)
    else:
        real = found
    unsafe = real.parent if "folder" in of else real
    if fault == "owner":
        _becomes_somebody_elses(unsafe, monkeypatch)
    else:
        unsafe.chmod(unsafe.stat().st_mode | (0o020 if fault == "group" else 0o002))
        os.chown(unsafe, -1, unsafe.stat().st_gid)
        monkeypatch.setattr(find, "is_private_group", lambda *_: False)
    with pytest.raises(ConfigError) as caught:
        load_config(None, kinds)
    assert caught.value.exit_code == 2
    assert "name the file with --config" in caught.value.hint
    if fault != "owner":
        assert str(unsafe if unsafe != real else found) in str(caught.value)
        assert caught.value.hint.split("otherwise run: ")[1].startswith("chmod go-w ")
        assert load_config(found, kinds).path == found


def test_a_group_of_the_users_own_may_write(
    found: Path, kinds: Kinds, monkeypatch: pytest.MonkeyPatch
) -> None:
    found.chmod(0o664)
    found.parent.chmod(0o775)
    name, number = pwd.getpwuid(os.geteuid()).pw_name, found.stat().st_gid
    monkeypatch.setattr(grp, "getgrgid", lambda _: grp.struct_group((name, "x", number, [])))
    assert load_config(None, kinds).path == found
    members = [name, "eve"]
    monkeypatch.setattr(grp, "getgrgid", lambda _: grp.struct_group((name, "x", number, members)))
    with pytest.raises(ConfigError, match="others than its owner may change it"):
        load_config(None, kinds)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("named", [True, False])
def test_a_pipe_that_nobody_writes_into_is_not_waited_for(
    named: bool,  # noqa: FBT001 - a parameter of the test
    places: list[Path],
    kinds: Kinds,
) -> None:
    os.mkfifo(places[0])
    with pytest.raises(ConfigError) as caught:
        load_config(places[0] if named else None, kinds)
    assert str(places[0]) in str(caught.value)


def test_a_missing_file_is_blamed_on_the_variable_that_names_it(
    kinds: Kinds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABFERRY_CONFIG", "/nowhere/a.toml")
    with pytest.raises(ConfigError) as caught:
        load_config(None, kinds)
    assert str(caught.value).startswith(
        "There is no configuration file /nowhere/a.toml, which $LABFERRY_CONFIG names."
    )
    monkeypatch.setenv("LABFERRY_CONFIG", "/")
    with pytest.raises(ConfigError, match=r"file /, which \$LABFERRY_CONFIG names, can't be read"):
        load_config(None, kinds)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user that the system does not know, without a home folder."""
    for variable in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)

    def unknown(_: int) -> pwd.struct_passwd:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.usefixtures("nobody")
def test_without_a_home_folder_the_other_places_are_looked_at(places: list[Path]) -> None:
    with pytest.raises(ConfigError, match=f"looked for {places[0]}, {places[2]}"):
        find_config(None)
    places[2].touch()
    assert find_config(None) == ConfigPlace(places[2])


@pytest.mark.usefixtures("nobody")
def test_without_a_home_folder_the_state_folder_must_be_named() -> None:
    with pytest.raises(ConfigError) as caught:
        find_state_dir()
    assert "$HOME is not set" in str(caught.value)


def test_a_folder_that_is_gone_is_not_looked_into(
    places: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    places[0].parent.rmdir()
    places[1].touch()
    assert find_config(None) == ConfigPlace(places[1])
    with pytest.raises(ConfigError, match="the current folder is gone"):
        find_config(Path("a.toml"))


@pytest.mark.parametrize("value", ["/var/lib/a", "/var/lib/a:/var/lib/b"])
def test_the_state_folder_is_the_first_that_systemd_names(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", value)

    assert find_state_dir() == Path("/var/lib/a")


def test_without_systemd_the_state_folder_is_the_users(tmp_path: Path) -> None:
    assert find_state_dir() == tmp_path / "state/labferry"
