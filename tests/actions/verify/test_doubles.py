"""Several archives with one id at a destination: whoever added one hides and gains nothing."""

import json
from datetime import UTC, datetime

import pytest

from .conftest import SUFFIX, VerifyLab
from .test_forgeries import FORGED, forge

LOOKS = ("", "--quick", "--chain", "--contents", "--adopt", "--repair")


def submitted_of(lab: VerifyLab, archive_id: str) -> str:
    submitted: str = json.loads(lab.manifest(archive_id).read_text())["job"]["submitted"]
    return submitted


def double(lab: VerifyLab, archive_id: str, how: str) -> str:
    """Forge a second archive with this id, under a key that agrees with its manifest."""
    archive = lab.archive(archive_id)
    target = archive.with_suffix({"longer": ".zip.age", "other": ".eln", "shorter": ""}[how])
    forge(lab, target, archive_id, submitted_of(lab, archive_id))
    return target.relative_to(lab.folder / "nas").as_posix()


@pytest.mark.parametrize("how", ["longer", "other", "shorter"])
def test_second_archive_with_an_id_is_named_by_every_look(lab: VerifyLab, how: str) -> None:
    (victim,) = lab.sync()
    key = double(lab, victim, how)
    for look in LOOKS:
        done = lab.run("verify", "nas", *look.split())
        assert done.code == 4, look
        assert f"{key} has the id of another archive" in done.err
    assert lab.ledger(lambda copies: copies.get("nas", victim)).problem == ""
    assert lab.ledger(lambda copies: copies.get("nas", victim)).key.endswith(".zip")
    assert lab.run("prune", "nas", "--strays").code == 0
    assert (lab.folder / "nas" / key).read_bytes() == FORGED


@pytest.mark.parametrize("how", ["longer", "other", "shorter"])
def test_second_archive_does_not_stand_in_for_a_damaged_one(lab: VerifyLab, how: str) -> None:
    (victim,) = lab.sync()
    double(lab, victim, how)
    lab.damage(victim)
    done = lab.run("verify", "nas")
    assert done.code == 4
    assert "is damaged" in done.err
    assert lab.ledger(lambda copies: copies.get("nas", victim)).problem
    genuine = lab.archive(victim, "offsite").read_bytes()
    assert lab.run("verify", "nas", "--repair").code == 4  # the double is there still
    assert lab.archive(victim).read_bytes() == genuine
    assert lab.ledger(lambda copies: copies.get("nas", victim)).problem == ""


def test_second_archive_does_not_stand_in_for_one_that_is_gone(lab: VerifyLab) -> None:
    (victim,) = lab.sync()
    double(lab, victim, "other")
    lab.remove(victim)
    done = lab.run("verify", "nas")
    assert (done.code, "is gone" in done.err) == (4, True)


def test_restore_and_drill_take_the_one_that_the_ledger_knows(lab: VerifyLab) -> None:
    (victim,) = lab.sync()
    genuine = lab.archive(victim).read_bytes()
    double(lab, victim, "other")
    target = lab.folder / "back.zip"
    assert lab.run("restore", victim, "--from", "nas", "--to", str(target)).code == 0
    assert target.read_bytes() == genuine


def test_without_a_ledger_neither_of_two_is_believed(lab: VerifyLab) -> None:
    (victim,) = lab.sync()
    double(lab, victim, "other")
    lab.forget()
    target = lab.folder / "back.zip"
    done = lab.run("restore", victim, "--from", "nas", "--to", str(target))
    assert (done.code, target.exists()) == (4, False)
    assert "under several keys" in done.err
    assert "under several keys" in lab.run("list", "nas").err
    assert lab.run("drill").code == 4
    assert lab.run("verify", "nas", "--chain").code == 4
    # The other destination has but one.
    assert lab.run("restore", victim, "--to", str(target)).code == 0
    assert target.read_bytes() != FORGED


def test_none_of_two_is_learnt_at_the_first_look(lab: VerifyLab) -> None:
    (victim,) = lab.sync()
    double(lab, victim, "longer")
    lab.forget()
    lab.sync()
    assert lab.run("verify", "nas", "--adopt").code == 4
    assert lab.ledger(lambda copies: copies.get("nas", victim)) is None


def test_archive_of_another_source_can_not_have_the_id(lab: VerifyLab) -> None:
    (victim,) = lab.sync()
    moment = submitted_of(lab, victim)
    year = str(datetime.now(UTC).year)
    target = lab.folder / "nas" / "other" / year / f"{victim}.zip"
    forge(lab, target, victim, moment)
    manifest = target.with_name(target.name + SUFFIX)
    document = json.loads(manifest.read_text())
    document["source"]["name"] = "other"
    manifest.write_text(json.dumps(document))
    assert "its source and its time do not agree" in lab.run("list", "nas").err
    assert lab.run("verify", "nas").code == 0
