"""Tamper evidence: what was removed, replaced or edited is found; what can't be told is said."""

import hashlib
import json
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labferry.actions.verify.chain import broken_links, manifest_digest
from labferry.sdk import Manifest

from .conftest import VerifyLab

Tamper = Callable[[VerifyLab, str, str], object]

BASE = {
    "labferry_manifest": 1,
    "file": "a.zip",
    "size": 1,
    "sha256": "ab" * 32,
    "crc32": "00000000",
    "source": {"name": "chem", "type": "x", "url": "x", "series": "s", "parameters": {}},
    "job": {"id": "1", "submitted": "2026-01-02T03:04:05Z", "completed": "2026-01-02T03:04:05Z"},
}


def _chain(previous: list[int | None]) -> list[Manifest]:
    """Manifests, each naming one of those before it, or none."""
    made: list[Manifest] = []
    for number, which in enumerate(previous):
        named = None if which is None or not made else made[which % len(made)]
        made.append(
            Manifest.model_validate(
                {
                    **BASE,
                    "archive_id": f"a{number}",
                    "previous": manifest_digest(named) if named else None,
                }
            )
        )
    return made


def _replace(lab: VerifyLab, archive_id: str, other: str) -> None:
    """Another archive in the place of one, with a manifest that fits it."""
    content = lab.archive(other).read_bytes()
    document = json.loads(lab.manifest(archive_id).read_text())
    theirs = json.loads(lab.manifest(other).read_text())
    document |= {key: theirs[key] for key in ("size", "sha256", "crc32")}
    lab.archive(archive_id).write_bytes(content)
    lab.manifest(archive_id).write_text(json.dumps(document, indent=2) + "\n")


def _edit(lab: VerifyLab, archive_id: str, _: str) -> None:
    document = json.loads(lab.manifest(archive_id).read_text())
    document["job"]["submitted"] = "2020-01-01T00:00:00Z"
    lab.manifest(archive_id).write_text(json.dumps(document, indent=2) + "\n")


TAMPERS: dict[str, Tamper] = {
    "removed": lambda lab, name, _: lab.remove(name),
    "replaced": _replace,
    "edited": _edit,
}


def test_each_manifest_names_the_one_before_by_its_sha256(lab: VerifyLab) -> None:
    for destination in ("nas", "offsite"):
        ids = lab.sync(2) if destination == "nas" else lab.ids(destination)
        before = None
        for each in ids:
            document = lab.manifest(each, destination).read_bytes()
            assert Manifest.from_json(document, where="x").previous == before
            before = hashlib.sha256(document).hexdigest()


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("tamper", TAMPERS)
def test_ledger_finds_whatever_was_tampered_with(lab: VerifyLab, tamper: str, which: int) -> None:
    ids = lab.sync(3)
    assert lab.run("verify", "--chain").code == 0
    victim, other = ids[which], ids[which - 1]
    TAMPERS[tamper](lab, victim, other)
    done = lab.run("verify", "--chain", "--json")
    assert done.code == 4
    expected = "missing" if tamper == "removed" else "damaged"
    assert done.states == [("nas", victim, expected)]


@pytest.mark.parametrize("tamper", TAMPERS)
def test_without_a_ledger_a_later_manifest_gives_it_away(lab: VerifyLab, tamper: str) -> None:
    first, second, third = lab.sync(3)
    lab.forget()
    assert lab.run("verify", "--chain").code == 0
    TAMPERS[tamper](lab, second, first)
    done = lab.run("verify", "--chain", "--json")
    assert done.code == 4
    assert done.states == [("nas", third, "broken")]
    assert "removed, replaced or edited" in done.document["problems"][0]["message"]


def test_without_a_ledger_the_newest_can_go_unseen_and_that_is_said(lab: VerifyLab) -> None:
    *_, last = lab.sync(2)
    lab.forget()
    lab.remove(last)
    done = lab.run("verify", "nas", "--chain", "-v")
    assert done.code == 0
    assert "only if a later one names it, and can't know whether retention" in done.out


def test_without_a_ledger_retention_may_have_done_it(lab: VerifyLab) -> None:
    first, *_ = lab.sync(2)
    lab.forget()
    lab.configure(nas="retention = { keep_last = 1 }\n")
    lab.remove(first)
    done = lab.run("verify", "nas", "--chain", "-v")
    assert done.code == 0
    assert "Retention may have removed it" in done.out


def test_archives_are_not_read_for_the_chain_unless_asked_for(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    lab.damage(first)
    assert lab.run("verify", "--chain").code == 0
    assert lab.run("verify", "--chain", "--contents").code == 4


def test_what_was_not_stored_from_here_is_noted_until_somebody_adopts_it(lab: VerifyLab) -> None:
    first, second = lab.sync(2)
    assert lab.run("verify").code == 0
    stranger = f"{second}0"
    source, target = lab.archive(first), lab.archive(first).with_name(f"{stranger}.zip")
    document = json.loads(lab.manifest(second).read_text())
    target.write_bytes(source.read_bytes())
    document |= {"archive_id": stranger, "file": target.name}
    lab.manifest(stranger).write_text(json.dumps(document))
    looks = [("-v",), ("-v",), ("-v", "--adopt"), ("-v",)]
    noted = [lab.run("verify", "nas", "--chain", *look) for look in looks]
    assert [done.code for done in noted] == [0, 0, 0, 0]
    said = ["was not stored from this machine" in done.out for done in noted]
    assert said == [True, True, False, False]


@given(previous=st.lists(st.none() | st.integers(0, 9), min_size=1, max_size=12))
def test_whole_chains_have_no_broken_links(previous: list[int | None]) -> None:
    manifests = _chain(previous)
    random.Random(0).shuffle(manifests)  # noqa: S311 - to be the same each time
    assert broken_links(manifests) == []


@given(
    previous=st.lists(st.none() | st.integers(0, 9), min_size=2, max_size=12),
    which=st.integers(0, 11),
)
def test_whoever_names_what_is_gone_is_found(previous: list[int | None], which: int) -> None:
    manifests = _chain(previous)
    gone = manifests.pop(which % len(manifests))
    expected = [each for each in manifests if each.previous == manifest_digest(gone)]
    assert broken_links(manifests) == expected
