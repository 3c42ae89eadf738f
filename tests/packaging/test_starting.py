"""labferry starts fast, because of what it does not load."""

import subprocess
import sys

_HEAVY = ("pydantic", "httpx", "fsspec", "sqlite3", "labferry.sdk", "labferry.plugins")


def test_telling_the_version_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "labferry", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in loaded
    assert [name for name in _HEAVY if name in loaded] == []
