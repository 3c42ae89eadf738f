"""Tables of observers: checked like those of sources and destinations."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from labferry.config import Config, InvalidConfigError, Kinds, Problem, resolve_secrets

Load = Callable[..., Config]
Problems = Callable[..., tuple[Problem, ...]]

MONITOR = '[observers.monitor]\ntype = "heartbeat"\nurl = { env = "LABFERRY_TEST_URL" }\n'
CANARY = "canary-8d21c"


def test_an_observer_has_its_kind_and_settings(load: Load, good: str, kinds: Kinds) -> None:
    config = load(good + MONITOR + 'patience = "3s"\n')

    (observer,) = config.observers.values()
    assert (observer.name, observer.kind) == ("monitor", kinds.observers["heartbeat"])
    assert dict(observer.settings)["patience"] == timedelta(seconds=3)
    assert config.warnings == ()


def test_no_observer_is_needed(load: Load, good: str) -> None:
    assert load(good).observers == {}


def test_an_unknown_type_gets_a_suggestion(problems: Problems, good: str) -> None:
    (problem,) = problems(good + MONITOR.replace("heartbeat", "hartbeat"))

    assert (problem.line, problem.key) == (10, "observers.monitor.type")
    assert problem.suggestion == 'Did you mean "heartbeat"? Known types: heartbeat.'


def test_an_unknown_type_names_the_plugins_that_are_broken(
    problems: Problems, good: str, kinds: Kinds
) -> None:
    broken = Kinds(kinds.sources, kinds.sinks, ("Plugin notify can't be used.",))

    (problem,) = problems(good + MONITOR, kinds=broken)

    assert problem.suggestion == "Known types: none. Plugin notify can't be used."


def test_mistakes_in_observers_are_reported_with_all_others(problems: Problems, good: str) -> None:
    text = "maxwait = 1\n" + good + MONITOR.replace("url", "ulr") + "[observers.other]\n"

    assert {problem.key for problem in problems(text)} == {
        "maxwait",
        "observers.monitor.ulr",
        "observers.monitor.url",
        "observers.other.type",
    }


def test_its_plain_secret_is_warned_about(load: Load, good: str, config_file: Path) -> None:
    config = load(good + MONITOR.replace('{ env = "LABFERRY_TEST_URL" }', f'"{CANARY}"'))

    (warning,) = config.warnings
    assert warning.startswith(f"{config_file}:11: observers.monitor.url: this secret is plain text")
    assert CANARY not in warning


def test_its_plain_secret_in_a_file_for_all_is_a_mistake(problems: Problems, good: str) -> None:
    text = good + MONITOR.replace('{ env = "LABFERRY_TEST_URL" }', f'"{CANARY}"')

    (problem,) = problems(text, mode=0o644)

    assert problem.key == "observers.monitor.url"
    assert CANARY not in str(problem)


def test_its_secrets_are_fetched_with_the_others(
    load: Load, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABFERRY_TEST_KEY", "from-env")
    monkeypatch.setenv("LABFERRY_TEST_URL", "https://monitor.example.org/ping")
    config = load(good + MONITOR)

    resolve_secrets(config)

    secret = dict(config.observers["monitor"].settings)["url"]
    assert secret.reveal() == "https://monitor.example.org/ping"


def test_a_secret_that_cannot_be_fetched_is_named(
    load: Load, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABFERRY_TEST_KEY", "from-env")
    monkeypatch.delenv("LABFERRY_TEST_URL", raising=False)

    with pytest.raises(InvalidConfigError) as caught:
        resolve_secrets(load(good + MONITOR))

    assert [problem.key for problem in caught.value.problems] == ["observers.monitor.url"]
