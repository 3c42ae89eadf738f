"""The file that `labferry init` writes."""

import re
from collections.abc import Callable

import pytest

from labferry.config import Config, resolve_secrets, starter_file
from labferry.config.filekeys import FileSettings

Load = Callable[..., Config]

SWITCHED_OFF = re.compile(r"^#(?=\S)(.*)$", re.MULTILINE)


def _single_settings() -> list[str]:
    """The settings that are off in tables that are on."""
    blocks = re.split(r"^(?=#?\[)", starter_file(), flags=re.MULTILINE)
    return [line for block in blocks if block[0:2] != "#[" for line in SWITCHED_OFF.findall(block)]


def test_it_loads_as_it_is_without_a_warning(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RSPACE_API_KEY", "x1y2z3")

    config = load(starter_file(), mode=0o644)
    resolve_secrets(config)

    assert config.warnings == ()
    assert [source.settings.type for source in config.sources.values()] == ["rspace"]
    assert [sink.settings.type for sink in config.destinations.values()] == ["local"]


@pytest.mark.parametrize("line", _single_settings())
def test_every_setting_that_is_off_can_be_switched_on(load: Load, line: str) -> None:
    scope = {"selections": "selection", "query": "search"}.get(line.partition(" ")[0], "user")
    text = starter_file().replace(f"#{line}", line)
    text = text.replace('\nscope = "user"', f'\nscope = "{scope}"')

    assert load(text).sources.keys() == {"notebook"}


def test_the_tables_that_are_off_can_be_switched_on(load: Load) -> None:
    before, mark, off = starter_file().partition("# A second copy")

    config = load(before + mark + SWITCHED_OFF.sub(r"\1", off))

    assert config.destinations.keys() == {"nas", "offsite"}
    assert config.syncs.keys() == {"nightly"}
    assert config.observers.keys() == {"monitor"}


def test_it_mentions_every_key_of_the_file_itself() -> None:
    for key in FileSettings.model_fields:
        assert re.search(rf"^#?(\[{key}\.|{key} = )", starter_file(), re.MULTILINE), key


def test_its_lines_fit_on_a_screen() -> None:
    assert max(map(len, starter_file().splitlines())) <= 100
