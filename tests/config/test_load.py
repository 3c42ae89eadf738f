"""Loading a file that is right."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from labferry.config import Config, Kinds, SyncConfig, load_config

from .conftest import ChoosySink

Load = Callable[..., Config]


def test_tables_become_validated_settings_with_the_class_that_serves_them(
    load: Load, good: str, kinds: Kinds
) -> None:
    config = load(good)

    source, destination = config.sources["chem"], config.destinations["nas"]
    assert (source.name, source.kind) == ("chem", kinds.sources["rspace"])
    assert source.settings.model_dump(include={"type", "format"}) == {
        "type": "rspace",
        "format": "xml",
    }
    assert (destination.name, destination.kind) == ("nas", kinds.sinks["local"])
    assert destination.settings.model_dump()["path"] == Path("/mnt/backup")
    assert destination.settings.required


def test_without_syncs_every_source_goes_to_every_destination(load: Load, good: str) -> None:
    config = load(good + '[destinations.b]\ntype = "mirror"\npath = "/b"\n')

    assert config.syncs == {"all": SyncConfig(("chem",), ("nas", "b"))}
    assert config.warnings == ()


def test_syncs_name_their_sources_and_destinations(load: Load, good: str) -> None:
    config = load(good + '[syncs.nightly]\nsources = ["chem"]\ndestinations = ["nas"]\n')

    assert config.syncs == {"nightly": SyncConfig(("chem",), ("nas",))}


def test_what_no_sync_names_is_warned_about(load: Load, good: str, config_file: Path) -> None:
    config = load(
        good
        + '[destinations.b]\ntype = "mirror"\npath = "/b"\n'
        + '[syncs.nightly]\nsources = ["chem"]\ndestinations = ["nas"]\n'
    )

    assert config.warnings == (f"{config_file}:9: destinations.b: no sync names it.",)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('verify = "size"', "verify"),
        ('verify = { upload = "size", every = "30d" }', "verify.upload"),
    ],
)
def test_the_earlier_form_of_a_key_is_read_with_a_notice(
    load: Load, good: str, kinds: Kinds, *, line: str, key: str
) -> None:
    offered = Kinds(kinds.sources, {**kinds.sinks, "choosy": ChoosySink})
    table = '[destinations.far]\ntype = "choosy"\npath = "/far"\n'
    config = load(f"{good}{table}{line}\n", offered)
    assert config.destinations["far"].settings.upload_check == "size"
    assert config.warnings == ()
    (notice,) = config.notices
    assert f":12: destinations.far.{key}: an earlier version wrote it so" in notice
    assert 'Write `upload_check = "size"`' in notice
    assert load(f'{good}{table}upload_check = "size"\n', offered).notices == ()


def test_top_level_keys_are_read(load: Load, good: str) -> None:
    config = load('state_dir = "/s"\nspool_dir = "/p"\nmax_wait = "26h"\nrequire = 1\n' + good)

    assert (config.state_dir, config.spool_dir) == (Path("/s"), Path("/p"))
    assert (config.max_wait, config.require) == (timedelta(hours=26), 1)


def test_top_level_keys_have_defaults(
    load: Load, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/labferry:/var/lib/second")

    config = load(good)

    assert config.state_dir == Path("/var/lib/labferry")
    assert config.spool_dir == Path("/var/lib/labferry/spool")
    assert config.max_wait is None
    assert config.require is None


def test_relative_paths_begin_at_the_folder_of_the_file(
    load: Load, good: str, tmp_path: Path
) -> None:
    config = load('state_dir = "state"\n' + good.replace('"/mnt/backup"', '"../archives"'))

    assert config.state_dir == tmp_path / "state"
    assert config.destinations["nas"].settings.model_dump()["path"] == tmp_path / "../archives"


def test_a_home_folder_is_found_in_paths(
    load: Load, good: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    config = load('state_dir = "~/state"\n' + good)

    assert config.state_dir == tmp_path / "home/state"


def test_the_path_of_the_file_is_made_absolute(
    load: Load, good: str, kinds: Kinds, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(good)
    monkeypatch.chdir(config_file.parent)

    assert load_config(Path(config_file.name), kinds).path == config_file


def test_a_linked_file_keeps_the_folder_of_the_link(
    load: Load, good: str, kinds: Kinds, tmp_path: Path
) -> None:
    load('state_dir = "state"\n' + good)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "linked.toml").symlink_to(tmp_path / "labferry.toml")

    assert load_config(folder / "linked.toml", kinds).state_dir == folder / "state"


def test_windows_line_ends_and_a_byte_order_mark_are_accepted(load: Load, good: str) -> None:
    assert load(b"\xef\xbb\xbf" + good.replace("\n", "\r\n").encode()).sources.keys() == {"chem"}


def test_a_file_can_be_read_from_a_pipe(good: str, kinds: Kinds) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, good.encode())
    os.close(write_end)

    config = load_config(Path(f"/dev/fd/{read_end}"), kinds)

    os.close(read_end)
    assert config.sources.keys() == {"chem"}


def test_every_type_that_toml_has_reaches_a_plugin(load: Load, good: str) -> None:
    options = (
        '[sources.chem.options]\na = inf\nb = 9223372036854775808\nc = [1, "x", true]\nd.e = 2'
    )

    settings = load(good + options).sources["chem"].settings.model_dump()

    assert settings["options"] == {
        "a": float("inf"),
        "b": 2**63,
        "c": [1, "x", True],
        "d": {"e": 2},
    }


def test_names_may_be_sixty_four_characters_long(load: Load, good: str) -> None:
    name = "A" + "b-_9" * 15 + "xyz"

    assert load(good.replace("chem", name)).sources.keys() == {name}


def test_the_configuration_shows_no_text_of_the_file(load: Load, good: str) -> None:
    config = load(good.replace('{ env = "LABFERRY_TEST_KEY" }', '"canary-1234"'))

    assert "canary-1234" not in repr(config)
    assert "canary-1234" not in repr(config.document)
