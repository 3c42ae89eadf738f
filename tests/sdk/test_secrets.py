"""Secrets: where they come from, and that they stay unseen."""

import copy
import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from labferry.sdk import ConfigError, Secret, redact, secrets
from labferry.sdk.secrets import redact_stored
from labferry.sdk.settings import ConfigFile, Settings

KEY = "abcdefgh12345678"
CANARY = "canary-77aa"


class _Sample(Settings):
    key: Secret
    """The key."""


def _secret(form: object, file: ConfigFile | None = None) -> Secret:
    return _Sample.model_validate({"key": form}, context=file).key


def _failure(form: object) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        _secret(form).reveal()
    assert CANARY not in str(caught.value)
    return caught.value


def test_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABFERRY_TEST_KEY", CANARY)

    assert _secret({"env": "LABFERRY_TEST_KEY"}).reveal() == CANARY


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_without_its_last_line_end(tmp_path: Path, end: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(f" {CANARY}\n\n".encode() + end.encode())

    expected = f" {CANARY}\n" if not end else f" {CANARY}\n\n"
    assert _secret({"file": str(file)}).reveal() == expected


def test_a_relative_file_begins_at_the_folder_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(CANARY, encoding="utf-8")
    config = ConfigFile(tmp_path / "labferry.toml", private=False)

    assert _secret({"file": "key"}, config).reveal() == CANARY


def test_a_file_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text(CANARY, encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert _secret({"file": "~/key"}).reveal() == CANARY


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2 << 20)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("plant", "message"),
    [
        (_fifo, "is empty"),
        (_socket, "it is a socket, not a file"),
        (Path.mkdir, "it is a folder, not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
        (lambda path: path.symlink_to("/dev/tty"), "it is a device, not a file"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (_large, "it is larger than 1048576 bytes"),
    ],
)
@pytest.mark.parametrize("form", ["file", "credential"])
def test_what_is_no_file_is_refused_at_once(
    plant: Callable[[Path], None],
    message: str,
    form: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    plant(tmp_path / "key")

    assert message in str(_failure({form: str(tmp_path / "key") if form == "file" else "key"}))


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    """As in `--identity <(pass show key)`."""
    path = tmp_path / "key"
    os.mkfifo(path)
    late = Timer(0.2, lambda: path.write_text(f"{CANARY}\n"))
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    os.close(reader)
    late.start()
    Timer(0.5, lambda: os.close(writer)).start()

    assert _secret({"file": str(path)}).reveal() == CANARY


def test_a_pipe_that_does_not_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labferry.sdk.files._PIPE_SECONDS", 0.3)
    path = tmp_path / "key"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    os.write(writer, CANARY.encode())

    assert "did not end within 0.3 s" in str(_failure({"file": str(path)}))
    os.close(reader)
    os.close(writer)


def test_a_systemd_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rspace-key").write_text(CANARY, encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert _secret({"credential": "rspace-key"}).reveal() == CANARY


def test_the_output_of_a_command_without_its_last_line_end() -> None:
    program = f"print('{CANARY}', end='\\r\\n')"

    assert _secret({"command": [sys.executable, "-c", program]}).reveal() == CANARY


def test_a_command_runs_without_a_shell_or_input() -> None:
    program = "import sys; print(sys.stdin.read(), sys.argv[1])"

    assert _secret({"command": [sys.executable, "-c", program, "$HOME;"]}).reveal() == " $HOME;"


def test_a_command_does_not_wait_for_somebody_who_types() -> None:
    read, write = os.pipe()
    before = os.dup(0)
    os.dup2(read, 0)
    try:
        error = _failure({"command": [sys.executable, "-c", "print(input())"]})
    finally:
        os.dup2(before, 0)
        for descriptor in (read, write, before):
            os.close(descriptor)
    assert "exit code 1" in str(error)


def test_plain_text() -> None:
    secret = _secret(CANARY)

    assert secret.is_plain
    assert secret.reveal() == CANARY


def test_a_secret_is_taken_as_it_is() -> None:
    secret = Secret.plain(CANARY)

    assert _secret(secret) is secret


def test_a_value_is_fetched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABFERRY_TEST_KEY", CANARY)
    secret = _secret({"env": "LABFERRY_TEST_KEY"})
    secret.reveal()
    monkeypatch.delenv("LABFERRY_TEST_KEY")

    assert secret.reveal() == CANARY


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABFERRY_TEST_KEY", raising=False)

    error = _failure({"env": "LABFERRY_TEST_KEY"})

    assert error.message == "The environment variable LABFERRY_TEST_KEY is not set."
    assert error.hint


def test_an_empty_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABFERRY_TEST_KEY", "")

    assert str(_failure({"env": "LABFERRY_TEST_KEY"})) == (
        "The secret from env LABFERRY_TEST_KEY is empty."
    )
    assert str(_failure("")) == "The secret from plain text in the configuration is empty."


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert str(_failure({"file": str(tmp_path / "none")})) == (
        f"The secret file {tmp_path}/none can't be read: No such file or directory."
    )
    assert str(_failure({"file": str(tmp_path)})) == (
        f"The secret file {tmp_path} can't be read: it is a folder, not a file."
    )


def test_a_file_that_is_not_text_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(CANARY.encode() + b"\xff")

    assert str(_failure({"file": str(file)})) == (
        f"The secret file {file} can't be read: it is not UTF-8 text."
    )


def test_a_credential_needs_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)

    error = _failure({"credential": "rspace-key"})

    assert error.message == (
        "There is no systemd credential rspace-key: $CREDENTIALS_DIRECTORY is not set."
    )
    assert error.hint == "Put LoadCredential=rspace-key:PATH into the service unit."


@pytest.mark.parametrize("name", ["../key", "/etc/shadow", ".", "..", "a\0b"])
def test_a_credential_is_a_plain_file_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert "is no name of a systemd credential" in str(_failure({"credential": name}))


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (f"print('{CANARY}'); raise SystemExit(3)", "it ended with exit code 3"),
        ("import sys; sys.stdout.buffer.write(b'canary-77aa\\xff')", "its output is not UTF-8"),
    ],
)
def test_a_command_that_fails_says_why_without_its_output(program: str, reason: str) -> None:
    command = [sys.executable, "-c", program]

    message = str(_failure({"command": command}))

    assert message.startswith(f"The secret command {sys.executable} failed: {reason}")
    assert program not in message


def test_a_command_that_is_not_there_is_named() -> None:
    assert str(_failure({"command": ["/no/such/program"]})) == (
        "The secret command /no/such/program failed: it can't be started: "
        "No such file or directory."
    )


def test_a_command_with_a_nul_character_is_refused() -> None:
    assert "an argument holds a NUL character" in str(_failure({"command": ["echo", "a\0"]}))


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_COMMAND_SECONDS", 0.02)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]

    assert "it took longer than 0.02 s" in str(_failure({"command": command}))


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"env": "A", "file": "b"},
        {"env": 1},
        {"env": ""},
        {"credential": ""},
        {"file": ""},
        {"command": []},
        {"command": "echo x"},
        {"command": [1]},
        {"value": CANARY},
        1,
        True,
        [CANARY],
    ],
)
def test_any_other_form_is_refused_by_settings_and_schema(form: object) -> None:
    with pytest.raises(ValidationError) as caught:
        _secret(form)

    assert CANARY not in str(caught.value)
    assert not Draft202012Validator(_Sample.model_json_schema()).is_valid({"key": form})


@pytest.mark.parametrize(
    "form",
    [{"env": "A"}, {"file": "b"}, {"credential": "c"}, {"command": ["d", "e"]}, "plain"],
)
def test_every_form_is_in_the_schema(form: object) -> None:
    Draft202012Validator(_Sample.model_json_schema()).validate({"key": form})


def test_plain_text_needs_a_file_that_others_cannot_read() -> None:
    private = ConfigFile(Path("/etc/lab ferry.toml"), private=True)
    public = ConfigFile(Path("/etc/lab ferry.toml"), private=False)

    assert _secret(CANARY, private).is_plain
    with pytest.raises(ValidationError) as caught:
        _secret(CANARY, public)
    assert "chmod 600 '/etc/lab ferry.toml'" in str(caught.value)
    assert CANARY not in str(caught.value)


def test_a_secret_is_not_shown_by_anything_that_prints_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sample = _Sample(key=Secret.plain(CANARY))
    sample.key.reveal()
    logging.getLogger("test").warning("%s %r %s", sample, sample.key, copy.copy(sample.key))

    shown = [caplog.text, repr(sample), sample.model_dump_json(), str(sample.model_dump())]
    assert not [text for text in shown if CANARY in text]


@pytest.mark.parametrize(
    ("form", "origin"),
    [
        ({"env": "A"}, "env A"),
        ({"file": "/b"}, "file /b"),
        ({"command": ["pass", CANARY]}, "command pass"),
        (CANARY, "plain text in the configuration"),
    ],
)
def test_the_origin_may_be_shown(form: object, origin: str) -> None:
    assert _secret(form).origin == origin
    assert repr(_secret(form)) == f"Secret({origin})"


def test_every_secret_that_was_seen_is_blotted_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABFERRY_TEST_KEY", f"{CANARY}-longer")
    _secret({"env": "LABFERRY_TEST_KEY"}).reveal()
    _secret(CANARY)

    assert redact(f"a {CANARY} b {CANARY}-longer c") == "a *** b *** c"


def test_a_secret_in_another_one_leaves_nothing_of_that_behind() -> None:
    for value in ("zz-inner-zz", "a-zz-inner-zz-outer"):
        Secret.plain(value)

    assert redact("It is a-zz-inner-zz-outer.") == "It is ***."


def test_a_secret_of_eight_characters_is_blotted_out_inside_of_words() -> None:
    Secret.plain("abcd1234")
    Secret.plain("efg5678")

    assert redact("xabcd1234x xefg5678x") == "x***x xefg5678x"


def test_a_secret_is_written_as_its_origin() -> None:
    sample = _Sample(key=_secret({"env": "KEY"}))

    assert sample.model_dump_json() == '{"key":"Secret(env KEY)"}'


def test_an_empty_secret_blots_nothing_out() -> None:
    _secret("")

    assert redact("abc") == "abc"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("wrong password user", "wrong password ***"),
        ("https://anna:user@eln.example.org/", "https://anna:***@eln.example.org/"),
        ("the users of superuser and user_1", "the users of superuser and user_1"),
    ],
)
def test_a_short_secret_is_blotted_out_where_it_stands_alone(text: str, shown: str) -> None:
    _secret("user")

    assert redact(text) == shown


def test_what_is_stored_keeps_every_word_that_could_be_a_name() -> None:
    _secret("user")
    _secret("nightly-run")
    _secret("organicchemistrygroup")
    _secret(KEY)
    words = {"user": ["user", "by nightly-run", ("organicchemistrygroup", 1, None)]}

    assert redact_stored(words) == {
        "user": ["user", "by nightly-run", ["organicchemistrygroup", 1, None]]
    }
    assert redact_stored({"link": f"?key={KEY}"}) == {"link": "?key=***"}
