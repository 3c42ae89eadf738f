"""A client from PyPI, which pooch uses for DOIs, reads what was published."""

from pathlib import Path

import pooch  # type: ignore[import-untyped] # it ships no type information
import pytest
from doiggie_invenio.repository import (  # type: ignore[import-untyped] # as pooch
    InvenioRDMRepository,
)

from .conftest import Caller, Open


@pytest.mark.parametrize("zenodo", [False, True])
def test_it_lists_and_downloads_the_files_of_a_record(
    open_server: Open, tmp_path: Path, *, zenodo: bool
) -> None:
    owner = open_server(zenodo=zenodo)
    record = owner.published()
    page = owner.get(f"/records/{record}").json()["links"]["self_html"]
    repository = InvenioRDMRepository.initialize(owner.server.records[record].doi, page)
    (known,) = repository.create_registry().items()
    assert known[0] == "data.zip"
    path = pooch.retrieve(
        repository.download_url("data.zip"),
        known_hash=known[1],
        path=tmp_path,
        fname="data.zip",
        downloader=pooch.HTTPDownloader(),
    )
    assert Path(path).read_bytes() == b"12345"


def test_it_sees_no_record_where_the_files_are_restricted(owner: Caller) -> None:
    record = owner.published(access={"record": "public", "files": "restricted"})
    page = f"{owner.server.url}/records/{record}"
    assert InvenioRDMRepository.initialize("10.5072/none", page) is None
