"""Files that can't be read, or are no TOML."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from labferry.config import Config, InvalidConfigError, Kinds, Problem, load_config
from labferry.config.document import SIZE_LIMIT
from labferry.sdk import ConfigError

Load = Callable[..., Config]
Problems = Callable[..., tuple[Problem, ...]]


def test_a_missing_file_is_named_with_a_way_to_get_one(config_file: Path, kinds: Kinds) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config_file, kinds)

    assert str(caught.value) == (
        f"There is no configuration file {config_file}. `labferry init` writes one to begin with."
    )


def test_a_folder_is_no_configuration_file(tmp_path: Path, kinds: Kinds) -> None:
    with pytest.raises(ConfigError, match=f"{tmp_path} can't be read: Is a directory"):
        load_config(tmp_path, kinds)


def test_a_file_that_may_not_be_read_is_named(
    load: Load, good: str, config_file: Path, kinds: Kinds, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(good)

    def refuse(path: Path, _flags: int) -> None:
        raise PermissionError(13, os.strerror(13), str(path))

    monkeypatch.setattr(os, "open", refuse)  # root may read any file

    with pytest.raises(ConfigError, match=f"{config_file} can't be read: Permission denied"):
        load_config(config_file, kinds)


def test_a_file_that_is_far_too_large_is_not_read(load: Load) -> None:
    with pytest.raises(ConfigError, match=r"larger than 1 MiB\. Is it the right file"):
        load(b"#" * (SIZE_LIMIT + 1))


def test_a_file_of_the_largest_size_is_read(load: Load, good: str) -> None:
    text = good + "#" * (SIZE_LIMIT - len(good))

    assert load(text.encode()).sources.keys() == {"chem"}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_byte_that_is_not_utf8_is_located(problems: Problems, mark: bytes) -> None:
    (problem,) = problems(mark + b'a = 1\r\nb = "\xc3\xa9 \xe9"\r\n')

    assert (problem.line, problem.column, problem.key) == (2, 8, "")
    assert problem.message == "this byte is not UTF-8, the encoding that TOML files have"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a = 1\nb = = 2\n", 2, 5, "Invalid value"),
        ("a = 1\nb = [1,\n2\n", 3, 2, "Unclosed array"),
        ("\n\na", 3, 2, "Expected '=' after a key in a key/value pair"),
        ('a = "x\nb = 1\n', 1, 7, "a string must end on the line it begins on"),
        ("[t]\na = 1\na = 2\n", 3, 6, "this key or table is set a second time"),
        ("[t]\n[u]\n[t]\n", 3, 3, "this table is declared a second time"),
        ("t = { a = 1 }\nt.b = 2\n", 2, 8, "this adds to a table that was written inline"),
    ],
)
def test_a_syntax_error_is_located(
    problems: Problems, config_file: Path, text: str, line: int, column: int, message: str
) -> None:
    (problem,) = problems(text.encode())

    assert (problem.line, problem.column) == (line, column)
    assert problem.message == f"not valid TOML: {message}"
    assert str(problem) == f"{config_file}:{line}:{column}: not valid TOML: {message}."


def test_a_syntax_error_in_a_file_with_windows_line_ends_is_located(problems: Problems) -> None:
    (problem,) = problems(b"a = 1\r\n\r\nb = = 2\r\n")

    assert (problem.line, problem.column) == (3, 5)


@pytest.mark.parametrize("value", ["1" * 5000, "[" * 5000])
def test_a_value_that_python_refuses_is_located(problems: Problems, value: str) -> None:
    (problem,) = problems(f"a = 1\n\nb = {value}\nc = 1\n")

    assert problem.line == 3
    assert problem.message == "this is nested too deeply or a number is too long to be read"


def test_a_syntax_error_next_to_a_secret_does_not_show_it(load: Load) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        load('[sources.chem]\napi_key = "canary-1234" canary-1234\n')

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
