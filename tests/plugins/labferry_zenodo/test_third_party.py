"""A client from PyPI, which pooch uses for DOIs, reads what labferry published."""

import hashlib
from pathlib import Path

import pooch  # type: ignore[import-untyped] # it ships no type information
import pytest
from doiggie_invenio.repository import (  # type: ignore[import-untyped] # as pooch
    InvenioRDMRepository,
)
from tests.servers.invenio import InvenioOptions

from labferry.sdk import Manifest

from .conftest import StartServer
from .storing import Storing, sample


@pytest.mark.parametrize("zenodo", [False, True])
def test_it_reads_back_what_was_published(
    start_server: StartServer, tmp_path: Path, *, zenodo: bool
) -> None:
    server = start_server(InvenioOptions(zenodo=zenodo))
    publishing = Storing(server, publish=True, access={"record": "public", "files": "public"})
    receipt = publishing.store()
    repository = InvenioRDMRepository.initialize(publishing.record().doi, receipt.url)
    got = {
        name: pooch.retrieve(
            repository.download_url(name),
            known_hash=known,
            path=tmp_path,
            fname=name,
            downloader=pooch.HTTPDownloader(),
        )
        for name, known in repository.create_registry().items()
    }
    name = sample().key.rpartition("/")[2]
    assert set(got) == {name, f"{name}.manifest.json"}
    document = Path(got[f"{name}.manifest.json"]).read_bytes()
    manifest = Manifest.from_json(document, where=name)
    content = Path(got[name]).read_bytes()
    assert (manifest.file, manifest.size) == (name, len(content))
    assert manifest.sha256 == hashlib.sha256(content).hexdigest()
