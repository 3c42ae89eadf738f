"""labferry starts fast, because of what it does not load."""

import subprocess
import sys
from pathlib import Path

import pytest

_HEAVY = ("pydantic", "httpx", "fsspec", "sqlite3", "labferry.sdk", "labferry.plugins")
_NOT_TO_LOOK = (
    *("apprise", "asyncio", "asyncssh", "botocore", "fsspec", "httpx", "jinja2", "rich", "s3fs"),
    *("ssl", "labferry.sync.run", "labferry.spool"),
)
_NOT_TO_SYNC = ("apprise", "asyncio", "asyncssh", "botocore", "fsspec", "jinja2", "s3fs")
_CONFIGURATION = """
state_dir = "state"
retry_for = "1s"
[sources.lab]
type = "rspace"
url = "http://localhost:1009/nobody/there"
api_key = { env = "RSPACE_API_KEY" }
[destinations.nas]
type = "local"
path = "nas"
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A notebook and a folder, the simplest that there is."""
    path = tmp_path / "labferry.toml"
    path.write_text(_CONFIGURATION, encoding="utf-8")
    (tmp_path / "nas").mkdir()
    return str(path)


def loaded(*arguments: str) -> set[str]:
    """The modules that a command loads, however it ends."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "labferry", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"RSPACE_API_KEY": "key"},
    )
    assert "Traceback" not in done.stderr
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_telling_the_version_loads_nothing_heavy() -> None:
    modules = loaded("--version")

    assert "click" in modules
    assert [name for name in _HEAVY if name in modules] == []


def test_looking_at_the_ledger_loads_no_client_of_anything(config: str) -> None:
    modules = loaded("status", "--config", config)

    assert {"labferry.ledger.ledger", "labferry_rspace.source"} <= modules
    assert [name for name in _NOT_TO_LOOK if name in modules] == []


@pytest.mark.parametrize("verb", ["list", "sync"])
def test_what_is_not_configured_is_not_loaded(config: str, verb: str) -> None:
    modules = loaded(verb, "--config", config)

    assert {"labferry_s3.sink", "labferry_zenodo.sink", "labferry_notify.heartbeat"} <= modules
    assert [name for name in _NOT_TO_SYNC if name in modules] == []
