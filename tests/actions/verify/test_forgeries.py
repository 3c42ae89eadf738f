"""Whoever can write to a destination, and knows labferry, can neither hide damage nor remove."""

import hashlib
import json
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from .conftest import SUFFIX, VerifyLab

FORGED = b"forged"
RECIPIENT = "age1sck3j2gdlt3l28f8wk5vdg25yqjdfw9c3wclpuuxspp78tmzhyxqxqs5gf"
"""Somebody's public key."""


def forge(lab: VerifyLab, target: Path, archive_id: str, submitted: str) -> None:
    """Put an archive with a consistent manifest at the destination, after one that is there."""
    document = json.loads(lab.manifest(lab.ids()[0]).read_text())
    document |= {
        "archive_id": archive_id,
        "file": target.name,
        "size": len(FORGED),
        "sha256": hashlib.sha256(FORGED).hexdigest(),
        "crc32": f"{zlib.crc32(FORGED):08x}",
    }
    document["job"] |= {"submitted": submitted, "completed": submitted}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(FORGED)
    target.with_name(target.name + SUFFIX).write_text(json.dumps(document))


def replace_by_forgery(lab: VerifyLab, archive_id: str) -> tuple[bytes, bytes]:
    """Forge an archive and its manifest in place; what was there before."""
    archive, manifest = lab.archive(archive_id), lab.manifest(archive_id)
    genuine = archive.read_bytes(), manifest.read_bytes()
    submitted = json.loads(genuine[1])["job"]["submitted"]
    forge(lab, archive, archive_id, submitted)
    return genuine


@pytest.mark.parametrize("year", [None, "2001"])
def test_a_second_manifest_with_the_same_id_hides_nothing(lab: VerifyLab, year: str | None) -> None:
    lab.configure(nas="retention = { keep_last = 1 }\n")
    (victim,) = lab.sync()
    archive, manifest = replace_by_forgery(lab, victim)
    shadow = lab.folder / "nas" / "chem" / (year or "2026") / "x" / f"{victim}.zip"
    shadow.parent.mkdir(parents=True)
    shadow.write_bytes(archive)
    document = json.loads(manifest)
    if year is not None:
        document["job"]["submitted"] = f"{year}-01-01T00:00:00Z"
    shadow.with_name(shadow.name + SUFFIX).write_text(json.dumps(document))
    for how in ([], ["--chain"], ["--contents"], ["--quick"]):
        done = lab.run("verify", "nas", *how)
        assert done.code == 4, how
        assert victim in done.err + done.out
    assert lab.run("prune", "nas").code == 0
    assert shadow.exists()
    assert lab.run("verify", "nas").code == 4


def test_forgeries_do_not_displace_what_was_stored(lab: VerifyLab) -> None:
    lab.configure(nas="retention = { keep_last = 2 }\n")
    before = lab.sync(2)
    for number in (91, 92, 93):
        moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=number - 90)
        name = f"{moment:%Y%m%dT%H%M%SZ}-chem-{number}"
        forge(lab, lab.folder / "nas" / "chem" / f"{moment:%Y}" / f"{name}.zip", name, str(moment))
    forged = {name for name in lab.ids() if name.rpartition("-")[2] in {"91", "92", "93"}}
    genuine = {*lab.sync()} - forged
    assert before[-1] in genuine
    assert len(genuine) == 2
    done = lab.run("prune", "nas", "-v")
    assert done.out.count("not stored by this machine") == 3
    assert genuine | forged == {*lab.ids()}


def test_a_file_of_somebody_else_is_not_removed_because_of_a_manifest_beside_it(
    lab: VerifyLab,
) -> None:
    lab.configure(nas="retention = { keep_last = 1 }\n")
    (name,) = lab.sync()
    genuine = lab.manifest(name)
    thesis = lab.folder / "nas" / "thesis.zip"
    thesis.write_bytes(b"the only copy")
    document = json.loads(genuine.read_text())
    document["file"] = "thesis.zip"
    thesis.with_name(thesis.name + SUFFIX).write_text(json.dumps(document))
    lab.run("sync")
    assert lab.run("prune", "nas", "--strays").code == 0
    assert thesis.read_bytes() == b"the only copy"


def test_a_pair_that_was_edited_consistently_is_not_restored(lab: VerifyLab) -> None:
    (victim,) = lab.sync()
    for name in ("nas", "offsite"):
        archive, manifest = lab.archive(victim, name), lab.manifest(victim, name)
        submitted = json.loads(manifest.read_text())["job"]["submitted"]
        forge(lab, archive, victim, submitted)
    target = lab.folder / "back.zip"
    for archive_name in (victim, "latest"):
        done = lab.run("restore", archive_name, "--source", "chem", "--to", str(target))
        assert (done.code, target.exists()) == (4, False)
        assert "is not what was stored from here" in done.err
    assert lab.run("drill").code == 4
    assert "is not what was stored from here" in lab.run("list").err
    assert lab.run("restore", victim, "--to", str(target), "--trust-destination").code == 0
    assert target.read_bytes() == FORGED


def test_a_forged_newer_one_is_not_the_latest(lab: VerifyLab) -> None:
    lab.sync()
    assert lab.run("verify").code == 0
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    name = f"{moment:%Y%m%dT%H%M%SZ}-chem-91"
    forge(lab, lab.folder / "nas" / "chem" / f"{moment:%Y}" / f"{name}.zip", name, str(moment))
    target = lab.folder / "back.zip"
    done = lab.run("restore", "latest", "--source", "chem", "--to", str(target))
    assert (done.code, target.exists()) == (4, False)
    assert "was not stored from this machine" in done.err


def test_what_is_not_encrypted_is_not_believed_where_everything_is(lab: VerifyLab) -> None:
    lab.sync()
    lab.forget()
    lab.configure(nas=f'encrypt = {{ recipients = ["{RECIPIENT}"] }}\n')
    target = lab.folder / "back.zip"
    done = lab.run("restore", "latest", "--source", "chem", "--from", "nas", "--to", str(target))
    assert (done.code, target.exists()) == (4, False)
    assert "is not encrypted" in done.err
    assert lab.run("restore", "latest", "--source", "chem", "--to", str(target)).code == 0
