"""From a running export to a verified archive in a folder."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.speed import first_quick

from labferry.testing.rspace import Fault, JobEnds, Options, Outcome, SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Source
    from tests.lab import Lab

EXPORTS = Path(__file__).parent.parent / "data" / "rspace-exports"


def _manifest(archive: Path) -> dict[str, Any]:
    text = archive.with_name(f"{archive.name}.manifest.json").read_text(encoding="utf-8")
    manifest: dict[str, Any] = json.loads(text)
    return manifest


def _assert_stored(archive: Path, content: bytes) -> None:
    assert archive.read_bytes() == content
    manifest = _manifest(archive)
    assert manifest["file"] == archive.name
    assert manifest["size"] == len(content)
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("kind", first_quick(["xml", "html"]))
@pytest.mark.parametrize(
    ("key", "keys"),
    [
        ("ALICE_KEY", {"scope": "user"}),
        ("PI_KEY", {"scope": "user", "id": 101}),
        ("PI_KEY", {"scope": "group"}),
        ("PI_KEY", {"scope": "group", "id": 1234}),
        ("ALICE_KEY", {"scope": "selection", "selections": [202, "SD203"]}),
    ],
    ids=["own work", "a user's work", "own group", "a group", "a selection"],
)
def test_every_scope_ends_as_an_archive_with_its_manifest(
    lab: Lab, server: SimulatedRSpace, source: Source, kind: str, key: str, keys: dict[str, Any]
) -> None:
    lab.write({"lab": source(server, key, format=kind, **keys)})

    assert lab.run("sync").code == 0

    (export,) = server.exports
    assert export.request is not None
    asked = export.request
    assert (asked.format, asked.scope) == (kind, keys["scope"])
    assert asked.id == keys.get("id")
    assert asked.selections == ((202, 203) if "selections" in keys else ())
    (archive,) = lab.archives()
    assert archive.parent.relative_to(lab.destination()).parts[0] == "lab"
    _assert_stored(archive, export.content())
    assert _manifest(archive)["source"]["parameters"]["scope"] == keys["scope"]


def test_history_and_link_level_reach_the_server_and_the_archive(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    plain = source(server, scope="selection", selections=[202], max_link_level=0)
    more = {"include_revision_history": True, "max_link_level": 2}
    lab.write({"plain": plain, "whole": {**plain, **more}})

    assert lab.run("sync").code == 0

    asked = [export.request for export in server.exports if export.request]
    assert sorted((r.include_revision_history, r.max_link_level) for r in asked) == [
        (False, 0),
        (True, 2),
    ]
    plain_archive, whole_archive = lab.archives()
    assert _manifest(whole_archive)["source"]["parameters"]["max_link_level"] == 2
    names = {
        archive: [Path(name).name for name in zipfile.ZipFile(archive).namelist()]
        for archive in (plain_archive, whole_archive)
    }
    assert any("rev" in name.lower() for name in names[whole_archive])
    assert len(names[plain_archive]) < len(names[whole_archive])
    assert not any("Buffer_recipes" in name for name in names[plain_archive])


def test_real_exports_arrive_as_they_were_sent(lab: Lab, serve: Serve, source: Source) -> None:
    paths = sorted(EXPORTS.glob("*.zip"))
    servers = {f"lab{n}": serve(Options(archives=[path])) for n, path in enumerate(paths)}
    lab.write({name: source(server) for name, server in servers.items()})

    assert lab.run("sync").code == 0

    assert len(lab.archives()) == len(servers) == 3
    for path, archive in zip(paths, lab.archives(), strict=True):
        (export,) = servers[archive.relative_to(lab.destination()).parts[0]].exports
        _assert_stored(archive, export.content())
        assert len(zipfile.ZipFile(archive).namelist()) == len(zipfile.ZipFile(path).namelist())


def test_a_link_to_another_server_is_followed_without_the_key(
    lab: Lab, serve: Serve, source: Source
) -> None:
    server = serve(Options(presigned=True))
    lab.write({"lab": source(server)})

    assert lab.run("sync", "-vv").code == 0

    (download,) = [request for request in server.requests if request.kind == "download"]
    assert download.origin == "s3"
    assert "apikey" not in download.headers
    (archive,) = lab.archives()
    _assert_stored(archive, server.exports[0].content())


def test_the_download_asks_for_bytes(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    lab.write({"lab": source(server)})

    lab.run("sync")

    (download,) = [request for request in server.requests if request.kind == "download"]
    assert download.headers["accept"] == "application/octet-stream, application/json;q=0.9"


def test_a_hexadecimal_checksum_is_understood(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    server.faults.add(Fault("job", JobEnds(Outcome.HEX_CHECKSUM)))
    lab.write({"lab": source(server)})

    assert lab.run("sync").code == 0

    (archive,) = lab.archives()
    _assert_stored(archive, server.exports[0].content())


def test_every_run_makes_a_new_archive(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    lab.write({"lab": source(server)})

    assert [lab.run("sync").code for _ in range(2)] == [0, 0]

    assert len(lab.archives()) == 2
    assert not list((lab.state / "spool").iterdir())
