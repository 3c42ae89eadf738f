"""The command as its users have it: a sync to an account, and back from there alone."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.servers.invenio import SimulatedInvenio

from labferry.testing.rspace import ALICE_KEY, JobTiming, Options, SimulatedRSpace

Labferry = Callable[..., str]


@pytest.fixture
def notebook() -> Iterator[SimulatedRSpace]:
    timing = JobTiming(queue=0.05, run=0.05)
    with SimulatedRSpace(options=Options(timing=timing)) as server:
        yield server


@pytest.fixture
def labferry(server: SimulatedInvenio, notebook: SimulatedRSpace, tmp_path: Path) -> Labferry:
    config = tmp_path / "labferry.toml"
    config.write_text(
        f"""
        [sources.notebook]
        type = "rspace"
        url = "{notebook.url}"
        api_key = {{ env = "NOTEBOOK_KEY" }}
        poll_interval = "50ms"

        [destinations.zenodo]
        type = "zenodo"
        url = "{server.url}"
        token = {{ env = "ZENODO_TOKEN" }}
        metadata = {{ creators = [{{ family_name = "Carberry" }}] }}
        """,
        encoding="utf-8",
    )
    secrets = {"NOTEBOOK_KEY": ALICE_KEY, "ZENODO_TOKEN": server.token}

    def run(verb: str, *arguments: str, state: str = "state") -> str:
        done = subprocess.run(
            [Path(sys.executable).with_name("labferry"), verb, "-c", config, *arguments],
            env={**os.environ, **secrets, "STATE_DIRECTORY": str(tmp_path / state)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert server.token not in done.stdout + done.stderr
        return done.stdout

    return run


def test_sync_tells_the_drafts_address_and_restore_needs_nothing_but_the_account(
    labferry: Labferry, server: SimulatedInvenio, tmp_path: Path
) -> None:
    labferry("check")
    document = json.loads(labferry("sync", "--json"))
    (draft,) = server.drafts.values()
    (receipt,) = document["exports"][0]["receipts"]
    assert receipt["url"] == f"{server.url}/uploads/{draft.id}"
    assert receipt["checked"] == "store-checksum"
    archive = draft.files[receipt["key"].rpartition("/")[2]]
    labferry("verify", "--contents", state="another")
    restored = tmp_path / "restored.zip"
    labferry("restore", "latest", "--source", "notebook", "--to", str(restored), state="another")
    assert restored.read_bytes() == archive.content
    assert server.records == {}


def test_manifest_has_the_md5_that_the_server_compares(
    labferry: Labferry, server: SimulatedInvenio
) -> None:
    labferry("sync")
    (draft,) = server.drafts.values()
    (manifest,) = (file for name, file in draft.files.items() if name.endswith(".json"))
    (archive,) = (file for name, file in draft.files.items() if name.endswith(".zip"))
    assert json.loads(manifest.content)["md5"] == archive.md5
