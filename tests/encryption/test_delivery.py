"""Archives that leave this machine encrypted only."""

from collections.abc import Callable

import pytest

from labferry.encryption import open_sealed
from labferry.testing.rspace import ALICE_KEY

from .conftest import EncryptionLab, NewKey

THREAD = "destination nas"


def test_destination_holds_an_encrypted_archive_and_its_manifest(lab: EncryptionLab) -> None:
    done = lab.sync()
    assert done.code == 0, done.stderr
    (manifest,) = lab.check_stored()
    assert manifest.file == f"{manifest.archive_id}.zip.age"
    assert manifest.encryption is not None
    assert (manifest.encryption.format, manifest.encryption.recipients) == (
        "age",
        (lab.key.public,),
    )
    assert [*lab.spool.iterdir()] == []


def test_manifest_tells_only_what_it_must(lab: EncryptionLab) -> None:
    lab.sync()
    (manifest,) = lab.check_stored()
    plain = open_sealed(manifest, [lab.key.secret])
    assert manifest.source.model_dump() == {
        "name": "alice",
        "type": "rspace",
        "url": "",
        "series": manifest.source.series,
        "parameters": {},
        "names": None,
    }
    assert str(plain.names) == "Alice Ames (alice)"
    assert len(manifest.source.series) == 32
    assert manifest.job.id == ""
    assert manifest.job.submitted == plain.job.submitted
    assert manifest.job.completed == plain.job.completed
    assert plain.source.url == lab.server.url
    assert plain.source.parameters["scope"] == "user"
    assert plain.file == f"{plain.archive_id}.zip"


def test_nothing_of_the_content_or_the_order_can_be_seen(lab: EncryptionLab) -> None:
    lab.sync()
    (manifest,) = lab.check_stored()
    plain = open_sealed(manifest, [lab.key.secret])
    (export,) = lab.server.exports
    content = export.content()
    canaries = [content[at : at + 12] for at in range(0, len(content) - 12, 997)]
    canaries += [lab.server.url.encode(), b'parameters": {\n      "', plain.sha256.encode()]
    canaries += [
        f'"{plain.crc32}"'.encode(),
        f'"{plain.source.series}"'.encode(),
        ALICE_KEY.encode(),
        b"Alice Ames",
    ]
    for name, stored in lab.contents().items():
        assert [canary for canary in canaries if canary in stored] == [], name


def test_archives_of_a_series_stay_recognisable(lab: EncryptionLab) -> None:
    lab.sync()
    lab.sync()
    first, second = lab.check_stored()
    assert first.source.series == second.source.series
    assert first.previous is None
    assert second.previous is not None


def test_each_destination_has_its_own_recipients(lab: EncryptionLab, new_age_key: NewKey) -> None:
    other = new_age_key()
    both = [lab.key.public, other.public]
    lab.configure(nas=both, usb=[*reversed(both)], cloud=[other.public], plain=[])
    done = lab.sync()
    assert done.code == 0, done.stderr
    lab.check_stored("nas")
    (nas,), (cloud,), (plain,) = (lab.manifests(name) for name in ("nas", "cloud", "plain"))
    assert lab.contents("nas")[nas.file] == lab.contents("usb")[nas.file]
    assert lab.contents("cloud")[cloud.file] != lab.contents("nas")[nas.file]
    assert plain.encryption is None
    assert lab.contents("plain")[plain.file] == lab.server.exports[0].content()
    for key in (lab.key, other):
        assert open_sealed(nas, [key.secret]).sha256 == plain.sha256


def _lose(lab: EncryptionLab) -> None:
    (file,) = lab.spool.glob("*.age")
    file.unlink()


def _step_after_manifest(lab: EncryptionLab) -> tuple[str, int]:
    """The step after which a destination has the manifest, and the ledger does not know yet."""
    steps = [step for step in lab.sync(count=True).steps if step[0] == THREAD]
    links = [number for _, number, what in steps if what == "posix.link"]
    return THREAD, links[-1] + 1


def test_upload_that_was_killed_goes_on_with_the_same_bytes(lab: EncryptionLab) -> None:
    assert lab.sync(at=("posix.link", 1)).code < 0
    (file,) = lab.spool.glob("*.age")
    before = file.read_bytes()
    assert lab.sync().code == 0
    (manifest,) = lab.check_stored()
    assert lab.contents()[manifest.file] == before


def test_archive_that_lacks_its_manifest_is_replaced_where_its_bytes_are_lost(
    lab: EncryptionLab,
) -> None:
    assert lab.sync(at=("posix.link", 2)).code < 0
    before = next(each for each in lab.contents().items() if each[0].endswith(".age"))
    _lose(lab)
    again = lab.sync()
    assert again.code == 0, again.stderr
    assert "which was not committed" in again.stderr
    (manifest,) = lab.check_stored()
    assert manifest.file == before[0]
    assert lab.contents()[manifest.file] != before[1]


def test_archive_that_was_committed_is_recognised_where_its_bytes_are_lost(
    open_lab: Callable[[], EncryptionLab],
) -> None:
    at = _step_after_manifest(open_lab())
    lab = open_lab()
    assert lab.sync(at=at).code < 0
    before = lab.contents()
    assert sum(name.endswith(".manifest.json") for name in before) == 1
    _lose(lab)
    again = lab.sync()
    assert again.code == 0, again.stderr
    assert before.items() <= lab.contents().items()
    assert len(lab.manifests()) == 1
    assert lab.sync().code == 0
    assert len(lab.check_stored()) == 2


def test_recipients_may_change_in_the_middle(lab: EncryptionLab, new_age_key: NewKey) -> None:
    assert lab.sync(at=("posix.link", 2)).code < 0
    lab.key = new_age_key()
    lab.configure(nas=[lab.key.public])
    again = lab.sync()
    assert again.code == 0, again.stderr
    (manifest,) = lab.check_stored()
    assert manifest.encryption is not None
    assert manifest.encryption.recipients == (lab.key.public,)


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True)])
def test_encryption_may_be_turned_on_and_off_in_the_middle(
    lab: EncryptionLab, *, before: bool, after: bool
) -> None:
    lab.configure(nas=[lab.key.public] if before else [])
    assert lab.sync(at=("posix.link", 1)).code < 0
    lab.configure(nas=[lab.key.public] if after else [])
    again = lab.sync()
    assert again.code == 0, again.stderr
    (manifest,) = lab.manifests()
    assert (manifest.encryption is not None) is after
    assert len(lab.contents()) == 2


def test_file_of_somebody_else_is_not_touched(lab: EncryptionLab) -> None:
    assert lab.sync(at=("posix.link", 1)).code < 0
    (spooled,) = lab.spool.glob("*.spool")
    year = next(lab.destination().glob("alice/*"))
    foreign = year / f"{spooled.stem}.zip.age"
    foreign.write_bytes(b"mine")
    again = lab.sync()
    assert again.code == 1
    assert "not touched" in again.stderr
    assert foreign.read_bytes() == b"mine"
    foreign.unlink()
    assert lab.sync().code == 0
    lab.check_stored()
