"""Secrets in the configuration: where they may stand, that they stay unseen, fetching them."""

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from labferry.config import Config, InvalidConfigError, Problem, resolve_secrets

Load = Callable[..., Config]
Problems = Callable[..., tuple[Problem, ...]]
CANARY = "canary-5f3a9"


@pytest.fixture
def plain(good: str) -> str:
    return good.replace('{ env = "LABFERRY_TEST_KEY" }', f'"{CANARY}"')


def test_plain_text_in_a_private_file_is_warned_about(
    load: Load, plain: str, config_file: Path
) -> None:
    config = load(plain + f'[sources.chem.headers]\n"X-Key" = "{CANARY}"\n')

    advice = (
        'this secret is plain text. Better refer to it: { env = "NAME" }, { file = "PATH" }, '
        '{ credential = "NAME" }, { command = ["PROGRAM", …] }.'
    )
    assert config.warnings == (
        f"{config_file}:4: sources.chem.api_key: {advice}",
        f"{config_file}:10: sources.chem.headers.X-Key: {advice}",
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o602])
def test_plain_text_in_a_file_that_others_can_use_is_a_mistake(
    problems: Problems, plain: str, config_file: Path, mode: int
) -> None:
    (problem,) = problems(plain, mode=mode)

    assert (problem.line, problem.key) == (4, "sources.chem.api_key")
    assert problem.message == (
        'expected one of { env = "NAME" }, { file = "PATH" }, { credential = "NAME" }, '
        '{ command = ["PROGRAM", …] }; plain text is allowed only in a file that its owner alone '
        f"can read, as after: chmod 600 {config_file}"
    )


def test_references_may_stand_in_a_file_that_others_can_read(load: Load, good: str) -> None:
    assert load(good, mode=0o644).warnings == ()


@pytest.mark.parametrize(
    "line",
    [
        f'api_kye = "{CANARY}"',
        f'url = "{CANARY}"',
        f'type = "{CANARY}"',
        f'scope = "{CANARY}"',
        f'word = "{CANARY}"',
        f'id = "{CANARY}"',
        f'poll_interval = "{CANARY}"',
        f'ca_file = ["{CANARY}"]',
        f'api_key = ["{CANARY}"]',
        f'api_key = {{ env = ["{CANARY}"] }}',
        f'api_key = {{ key = "{CANARY}" }}',
        f'selections = [{{ a = "{CANARY}" }}]',
        f'scope = "group"\napi_key = "{CANARY}"',
    ],
)
def test_a_mistake_never_shows_a_value(load: Load, line: str) -> None:
    keys = {
        "type": '"rspace"',
        "url": '"https://rspace.example.edu"',
        "api_key": '{ env = "A" }',
    }
    others = [f"{key} = {value}\n" for key, value in keys.items() if f"{key} =" not in line]
    with pytest.raises(InvalidConfigError) as caught:
        load(
            f"[sources.chem]\n{line}\n{''.join(others)}"
            '[destinations.nas]\ntype = "local"\npath = "/p"\n'
        )

    shown = "".join(traceback.format_exception(caught.value))
    assert CANARY not in shown
    assert "sources.chem" in shown


def test_a_plain_secret_in_a_file_for_all_is_not_repeated_by_the_plugin(
    problems: Problems, plain: str
) -> None:
    (problem,) = problems(plain.replace("url", 'scope = "group"\nurl'))

    assert problem.message == "The scope group needs an id (key: ***)"


def test_every_secret_is_fetched(
    load: Load, good: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABFERRY_TEST_KEY", "from-env")
    (tmp_path / "key").write_text("from-file\n", encoding="utf-8")

    config = load(good + '[sources.chem.headers]\na = { file = "key" }\n')
    resolve_secrets(config)

    settings = dict(config.sources["chem"].settings)
    assert settings["api_key"].reveal() == "from-env"
    assert settings["headers"]["a"].reveal() == "from-file"


def test_loading_fetches_no_secret(load: Load, good: str, tmp_path: Path) -> None:
    command = f'{{ command = ["touch", "{tmp_path}/fetched"] }}'

    load(good.replace('{ env = "LABFERRY_TEST_KEY" }', command))

    assert not (tmp_path / "fetched").exists()


def test_all_secrets_that_cannot_be_fetched_are_reported_at_once(
    load: Load, good: str, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABFERRY_TEST_KEY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    config = load(
        good
        + '[sources.second]\ntype = "rspace"\nurl = "http://x"\n'
        + 'api_key = { env = "HOME" }\n'
        + 'api_keys = [\n  { env = "HOME" },\n  { credential = "k" },\n  { file = "missing" },\n]\n'
    )

    with pytest.raises(InvalidConfigError) as caught:
        resolve_secrets(config)

    assert [(problem.line, problem.key) for problem in caught.value.problems] == [
        (4, "sources.chem.api_key"),
        (13, "sources.second.api_keys[1]"),
        (13, "sources.second.api_keys[2]"),
    ]
    assert str(caught.value.problems[0]) == (
        f"{config_file}:4: sources.chem.api_key: The environment variable LABFERRY_TEST_KEY is "
        "not set. Set it for the process that runs labferry, or use another form of secret."
    )
    assert caught.value.problems[2].message == (
        f"The secret file {config_file.parent}/missing can't be read: No such file or directory"
    )
