"""What is wrong with an encryption that is asked for is told before anything is started."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from .conftest import Key, NewKey

Run = Callable[..., subprocess.CompletedProcess[str]]

WITHOUT_PYRAGE = "import sys; sys.modules['pyrage'] = None; import labferry.cli.main as m; m.main()"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command over a configuration with an encrypted destination."""

    def _run(
        *arguments: str,
        recipients: Sequence[str],
        program: Sequence[str] = ("-m", "labferry"),
        identity: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "nas").mkdir(exist_ok=True)
        config = tmp_path / "labferry.toml"
        config.write_text(
            f'state_dir = "state"\n[sources.alice]\ntype = "rspace"\n'
            'url = "https://rspace.example.edu"\napi_key = { env = "LABFERRY_TEST_KEY" }\n'
            '[destinations.nas]\ntype = "local"\npath = "nas"\n'
            f"encrypt = {{ recipients = {json.dumps(recipients)}{_identities(identity)} }}\n"
        )
        return subprocess.run(
            [sys.executable, *program, *arguments, "-c", str(config)],
            check=False,
            capture_output=True,
            env={**os.environ, "LABFERRY_TEST_KEY": "secret-key-of-alice"},
            text=True,
        )

    return _run


def _identities(file: Path | None) -> str:
    return f', identities = [{{ file = "{file}" }}]' if file else ""


def test_check_says_for_whom_archives_are_encrypted(run: Run, key: Key) -> None:
    done = run("check", "-v", recipients=[key.public])
    assert f"encrypted before they leave this machine, for {key.public}." in done.stdout


def test_check_tries_the_private_key(run: Run, key: Key, new_age_key: NewKey) -> None:
    done = run("check", "-v", recipients=[key.public], identity=key.file)
    assert "a private key in encrypt.identities opens them" in done.stdout
    done = run("check", recipients=[key.public], identity=new_age_key().file)
    assert "none of the private keys fits" in done.stdout + done.stderr
    assert done.returncode != 0


@pytest.mark.parametrize("verb", [("check",), ("sync",), ("plugins", "validate", "nas")])
def test_what_is_no_recipient_is_a_mistake_in_the_file(
    run: Run, key: Key, verb: tuple[str, ...], tmp_path: Path
) -> None:
    done = run(*verb, recipients=["age1typo", key.public, "ssh-dss AAAA"])
    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if "labferry.toml:9" in line]
    assert ["[0]" in told[0], "[2]" in told[1], len(told)] == [True, True, 2], done.stderr
    assert "destinations.nas.encrypt.recipients[0]: expected an age public key" in done.stderr
    assert not (tmp_path / "state").exists()


def test_private_key_is_not_shown(run: Run, key: Key) -> None:
    private = key.file.read_text().splitlines()[-1]
    done = run("check", recipients=[private])
    assert done.returncode == 2
    assert "private key" in done.stderr
    assert private not in done.stdout + done.stderr


@pytest.mark.parametrize("verb", ["check", "sync"])
def test_missing_package_is_named(run: Run, key: Key, verb: str) -> None:
    done = run(verb, recipients=[key.public], program=("-c", WITHOUT_PYRAGE))
    assert done.returncode == 2
    assert 'pip install "labferry[encrypt]"' in done.stderr
    assert "labferry.toml:9: destinations.nas.encrypt" in done.stderr


def test_package_is_not_loaded_where_nothing_is_encrypted() -> None:
    code = "import sys, labferry.cli.sync, labferry.actions.sync; print('pyrage' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert told == "False\n"
