"""Completion in real shells; where one is not installed, through what its script would ask."""

from __future__ import annotations

import os
import shlex
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.shell_completion import ShellComplete
from tests.needs import require_program

from labferry.cli.completion import SHELLS, VARIABLE
from labferry.cli.main import cli
from labferry.testing.rspace import SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Source
    from tests.lab import Lab

Answer = Callable[..., list[str]]
ASK = {
    "bash": "COMP_WORDS=({words}); COMP_CWORD={position}; _labferry_completion labferry; "
    'printf "%s\\n" "${{COMPREPLY[@]}}"',
    # What shows the choices is replaced: it works inside the line editor only.
    "zsh": "words=({words}); CURRENT={position}+1; "
    'function _describe {{ print -l -- "${{(@P)3}}"; }}; '
    'function compadd {{ for each; do [[ $each = -* ]] || print -l -- "${{(@P)each}}"; done; }}; '
    "_labferry_completion",
    "fish": "complete --do-complete {line}",
}
BEFORE = {"bash": "", "zsh": "function compdef { }; ", "fish": ""}


def configured(lab: Lab) -> None:
    source = {"type": "rspace", "url": "https://rspace.example.edu", "api_key": {"env": "NO_KEY"}}
    sync = {"sources": ["lab"], "destinations": ["nas", "offsite"]}
    lab.write({"lab": source, "library": source}, ["nas", "offsite"], syncs={"nightly": sync})


@pytest.fixture
def answer(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What is offered for the last word, by what the scripts of all shells ask."""
    monkeypatch.chdir(lab.folder)
    monkeypatch.delenv("LABFERRY_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(lab.folder / "none"))
    monkeypatch.setenv("STATE_DIRECTORY", str(lab.folder / "none"))

    def offered(*words: str) -> list[str]:
        asked = ShellComplete(cli, {}, "labferry", VARIABLE)
        return [item.value for item in asked.get_completions(list(words[:-1]), words[-1])]

    return offered


def ask(lab: Lab, shell: str, *words: str) -> list[str]:
    """What a shell offers for the last word, once it has read the script."""
    require_program(shell, shell)
    folder = lab.folder / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / "labferry"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m labferry "$@"\n')
    program.chmod(0o755)
    script = lab.folder / "script"
    script.write_text(lab.run("completion", shell).out, encoding="utf-8")
    typed = ["labferry", *words]
    asked = ASK[shell].format(
        words=" ".join(map(shlex.quote, typed)),
        position=len(words),
        line=shlex.quote(" ".join(typed)),
    )
    path = f"{folder}:{lab.environment['PATH']}"
    done = lab.run_program(
        *(shell, "-c", f"{BEFORE[shell]}source {shlex.quote(str(script))}; {asked}"), PATH=path
    )
    assert (done.code, done.err) == (0, "")
    return [line.split("\t")[0].split(":")[0] for line in done.out.splitlines() if line]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_verbs_and_names(lab: Lab, shell: str) -> None:
    configured(lab)
    assert ask(lab, shell, "sy") == ["sync"]
    assert sorted(ask(lab, shell, "sync", "")) == ["lab", "library", "nightly"]
    assert ask(lab, shell, "verify", "off") == ["offsite"]
    assert ask(lab, shell, "list", "nas", "--source", "li") == ["library"]


@pytest.mark.parametrize(
    ("shell", "words", "offered"),
    [
        ("bash", ["--source", "=", "la"], "lab"),
        ("bash", ["--source", "="], "lab library"),
        ("bash", ["--source", "=", "lab", "na"], "nas"),
        ("zsh", ["--source=la"], "--source=lab"),
        ("zsh", ["--source=lab", "na"], "nas"),
        ("fish", ["--source=la"], "--source=lab"),
    ],
    ids=str,
)
def test_a_value_behind_an_equals_sign_is_completed(
    lab: Lab, shell: str, words: list[str], offered: str
) -> None:
    configured(lab)
    assert ask(lab, shell, "list", *words) == offered.split()


@pytest.mark.parametrize("asked", ["nonsense_complete", "bash_complete", "zsh", "1"])
def test_who_asks_in_a_wrong_way_is_told_nothing(lab: Lab, asked: str) -> None:
    done = lab.run("sync", **{VARIABLE: asked, "COMP_WORDS": "labferry", "COMP_CWORD": "x"})
    assert (done.code, done.out, done.err) == (1, "", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_is_said_of_a_configuration_with_mistakes(lab: Lab, shell: str) -> None:
    lab.config.write_text('[sources.lab]\napi_key = "wrongWrongWrong99"\n[sources', "utf-8")
    assert ask(lab, shell, "sync", "") == []
    lab.config.write_text('[sources.lab]\ntype = "none"\n[sources."a\\nb $(c)"]\n', "utf-8")
    assert ask(lab, shell, "sync", "") == ["lab"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_each_shell_asks_labferry(lab: Lab, shell: str) -> None:
    script = lab.run("completion", shell, PATH=str(lab.folder))  # where no shell is installed
    assert (script.code, script.err) == (0, "")
    assert f"_LABFERRY_COMPLETE={shell}_complete" in script.out


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["sync", "n"], ["nightly"]),
        (["sync", "nightly", "l"], ["lab", "library"]),
        (["sync", "lab", "lab"], []),
        (["list", ""], ["nas", "offsite"]),
        (["list", "--source", ""], ["lab", "library"]),
        (["prune", "nas", ""], ["offsite"]),
        (["prune", "--source", "lib"], ["library"]),
        (["verify", "--source", "lab"], ["lab"]),
        (["restore", "la"], ["latest"]),
        (["restore", "latest", "--from", "n"], ["nas"]),
        (["restore", "latest", "--source", "li"], ["library"]),
        (["plugins", "validate", "o"], ["offsite"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["--ver"], ["--version"]),
    ],
    ids=" ".join,
)
def test_names_are_those_of_the_configuration(
    lab: Lab, answer: Answer, words: list[str], offered: list[str]
) -> None:
    configured(lab)
    assert sorted(answer(*words)) == sorted(offered)


def test_the_configuration_that_the_line_names_counts(
    lab: Lab, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(lab)
    other = lab.folder / "other.toml"
    other.write_text('[sources.elsewhere]\ntype = "no-such-plugin"\n', encoding="utf-8")
    assert answer("sync", "-c", "other.toml", "") == ["elsewhere"]
    monkeypatch.setenv("HOME", str(lab.folder))
    assert answer("sync", "-c", "~/other.toml", "") == ["elsewhere"]
    assert answer("sync", "-c", "$HOME/other.toml", "") == ["elsewhere"]
    assert answer("sync", "-c", "~nobody-of-that-name/other.toml", "") == []
    monkeypatch.setenv("LABFERRY_CONFIG", str(other))
    assert answer("sync", "") == ["elsewhere"]


def test_a_pipe_is_not_waited_for(lab: Lab, answer: Answer) -> None:
    os.mkfifo(lab.config)
    assert answer("sync", "") == []


@pytest.mark.parametrize(
    "text",
    [
        None,
        "= not TOML",
        "sources = 3",
        "state_dir = 4\nsyncs = []",
        'state_dir = "~nobody-of-that-name/state"',
        'state_dir = "\\u0000"',
        f"x = {'[' * 5000}",
    ],
    ids=lambda text: str(text)[:20],
)
def test_where_there_is_nothing_to_read_nothing_is_offered(
    lab: Lab, answer: Answer, text: str | None
) -> None:
    if text is not None:
        lab.config.write_text(text, encoding="utf-8")
    assert answer("sync", "") == []
    assert answer("restore", "2") == []


def test_archives_are_those_of_the_ledger(
    lab: Lab, answer: Answer, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)})
    assert answer("restore", "2") == []
    assert not lab.state.exists()
    assert lab.run("sync").code == 0
    (archive,) = (path.name.removesuffix(".zip") for path in lab.archives())
    assert answer("restore", "2") == [archive]
    assert answer("verify", "") == ["nas", archive]
    assert answer("verify", "nas", archive[:4]) == [archive]
    assert answer("verify", archive, "") == []
    assert answer("restore", archive[:8] + "_") == []


def test_a_damaged_ledger_names_nothing(lab: Lab, answer: Answer) -> None:
    configured(lab)
    lab.state.mkdir()
    (lab.state / "ledger.db").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 32)
    assert answer("restore", "2") == []


def test_a_ledger_of_another_kind_is_left_alone(lab: Lab, answer: Answer) -> None:
    configured(lab)
    lab.state.mkdir()
    ledger: Path = lab.state / "ledger.db"
    with sqlite3.connect(ledger) as connection:
        connection.execute("CREATE TABLE foreign_table (name)")
    connection.close()
    before = ledger.read_bytes()
    assert answer("restore", "2") == []
    assert ledger.read_bytes() == before


def test_an_archive_whose_id_a_shell_could_run_is_not_offered(lab: Lab, answer: Answer) -> None:
    folder = lab.folder / "none"
    folder.mkdir()
    known = ["20260301T000000Z-lab-1", "$(reboot)", "`id`", "a b", "-rf", "a\nb", "a;b", ".hidden"]
    with closing(sqlite3.connect(folder / "ledger.db")) as connection:
        connection.execute("CREATE TABLE copies (archive_id, stored_at, removed_at, submitted_at)")
        connection.executemany(
            "INSERT INTO copies VALUES (?, 1, NULL, 1)", [(each,) for each in known]
        )
        connection.commit()
    assert answer("restore", "") == ["latest", known[0]]


def test_nothing_is_read_from_a_configuration_of_somebody_else(lab: Lab, answer: Answer) -> None:
    configured(lab)
    assert answer("list", "--source", "") == ["lab", "library"]
    lab.config.chmod(0o606)
    assert answer("list", "--source", "") == []
