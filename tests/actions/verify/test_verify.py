"""`labferry verify`: whatever is wrong with a stored copy is found, told, and left as it is."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable

import pytest

from labferry_local import LocalSink

from .conftest import VerifyLab

Damage = Callable[[VerifyLab, str], object]


def _edit(lab: VerifyLab, archive_id: str, **changes: str) -> None:
    path = lab.manifest(archive_id)
    document = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _shorten(lab: VerifyLab, archive_id: str) -> None:
    path = lab.archive(archive_id)
    path.write_bytes(path.read_bytes()[:-1])


def _lengthen(lab: VerifyLab, archive_id: str) -> None:
    path = lab.archive(archive_id)
    path.write_bytes(path.read_bytes() + b"\0")


DAMAGES: dict[str, Damage] = {
    "one bit": VerifyLab.damage,
    "cut short": _shorten,
    "something added": _lengthen,
    "other content": lambda lab, name: lab.archive(name).write_bytes(b"not it"),
    "emptied": lambda lab, name: lab.archive(name).write_bytes(b""),
}
LOSSES: dict[str, Damage] = {
    "both gone": VerifyLab.remove,
    "archive gone": lambda lab, name: lab.archive(name).unlink(),
    "manifest gone": lambda lab, name: lab.manifest(name).unlink(),
}


def test_everything_is_good_and_little_is_said(lab: VerifyLab) -> None:
    lab.sync(2)
    done = lab.run("verify")
    assert (done.code, done.out, done.err) == (0, "", "")
    told = lab.run("verify", "-v").out
    assert told.count("good, read-back") == 4
    assert told.endswith("Copies: 4 good.\n")


def test_nothing_stored_is_nothing_wrong(lab: VerifyLab) -> None:
    assert lab.run("verify").code == 0


@pytest.mark.parametrize("ledger", ["with ledger", "without ledger"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_copy_is_found_told_and_kept(lab: VerifyLab, damage: str, ledger: str) -> None:
    first, second = lab.sync(2)
    DAMAGES[damage](lab, first)
    if ledger == "without ledger":
        lab.forget()
    before = lab.contents()
    done = lab.run("verify", "--json")
    assert done.code == 4
    assert set(done.states) == {
        ("nas", first, "damaged"),
        ("nas", second, "good"),
        ("offsite", first, "good"),
        ("offsite", second, "good"),
    }
    assert lab.contents() == before
    (problem,) = done.document["problems"]
    assert problem["message"].startswith("nas: ")
    assert f"labferry verify nas {first} --repair" in problem["hint"]
    assert lab.state.exists() == (ledger == "with ledger")


@pytest.mark.parametrize("loss", LOSSES)
def test_missing_copy_is_a_failure_where_the_ledger_knows_of_it(lab: VerifyLab, loss: str) -> None:
    first, second = lab.sync(2)
    LOSSES[loss](lab, first)
    done = lab.run("verify", "nas", "--json")
    assert done.code == 4
    assert sorted(done.states) == [("nas", first, "missing"), ("nas", second, "good")]
    assert lab.ledger(lambda copies: copies.get("nas", first)).problem


def test_what_retention_removed_is_not_missing(lab: VerifyLab) -> None:
    first, second = lab.sync(2)
    copy = lab.ledger(lambda copies: copies.get("nas", first))
    lab.ledger(lambda copies: copies.removing("nas", first, copy.stored_at))
    lab.remove(first)
    assert lab.run("verify", "nas").code == 0
    lab.ledger(lambda copies: copies.removed("nas", first, copy.stored_at))
    done = lab.run("verify", "nas", "--chain", "--json")
    assert (done.code, done.states) == (0, [])
    assert lab.ids() == [second]


def test_ledger_learns_when_a_copy_was_verified(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    stored = lab.ledger(lambda copies: copies.get("nas", first))
    assert stored.verified_at == stored.stored_at
    assert lab.run("verify").code == 0
    verified = lab.ledger(lambda copies: copies.get("nas", first))
    assert verified.verified_at > stored.verified_at
    lab.damage(first)
    assert lab.run("verify").code == 4
    damaged = lab.ledger(lambda copies: copies.get("nas", first))
    assert damaged.verified_at == verified.verified_at
    assert damaged.checked_at > verified.checked_at
    assert "SHA-256" in damaged.problem


def test_only_reading_back_puts_an_end_to_a_problem(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    good = lab.archive(first).read_bytes()
    lab.damage(first)
    assert lab.run("verify").code == 4
    lab.archive(first).write_bytes(good)
    assert lab.run("verify", "--quick").code == 0
    assert lab.ledger(lambda copies: copies.get("nas", first)).problem
    assert lab.run("verify").code == 0
    assert not lab.ledger(lambda copies: copies.get("nas", first)).problem


def test_quick_compares_sizes_and_reads_nothing(lab: VerifyLab) -> None:
    first, second = lab.sync(2)
    lab.damage(first)
    _shorten(lab, second)
    done = lab.run("verify", "nas", "--quick", "--json")
    assert done.code == 4
    assert sorted(done.states) == [("nas", first, "good"), ("nas", second, "damaged")]
    checked = {each["archive_id"]: each["checked"] for each in done.document["results"]}
    assert checked[first] in {"size", "store-checksum"}


def test_contents_are_opened(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    done = lab.run("verify", "--contents", "--json")
    assert done.code == 0
    assert [each["contents"] for each in done.document["results"]] == [True, True]
    lab.damage(first)
    assert lab.run("verify", "--contents").code == 4


def test_archive_that_is_no_sound_zip_is_found_by_its_contents_only(lab: VerifyLab) -> None:
    """As it would be if the server had made a bad archive, and declared its checksum."""
    (first,) = lab.sync()
    with zipfile.ZipFile(lab.archive(first)) as archive:
        largest = max(archive.infolist(), key=lambda info: info.compress_size)
    content = bytearray(lab.archive(first).read_bytes())
    content[largest.header_offset + 60 + len(largest.filename)] ^= 0x55
    lab.archive(first).write_bytes(content)
    digest = hashlib.sha256(lab.archive(first).read_bytes()).hexdigest()
    _edit(lab, first, sha256=digest)
    lab.forget()
    assert lab.run("verify", "nas").code == 0
    done = lab.run("verify", "nas", "--contents")
    assert done.code == 4
    assert "nas: " in done.err


def test_nothing_is_left_of_opened_archives(lab: VerifyLab) -> None:
    lab.sync()
    before = lab.contents("state/spool") if (lab.state / "spool").exists() else {}
    assert lab.run("verify", "--contents").code == 0
    assert (lab.contents("state/spool") if (lab.state / "spool").exists() else {}) == before


@pytest.mark.parametrize("names", [["nas"], ["nas", "ID"], ["ID"], ["PREFIX"]])
def test_only_what_is_named_is_looked_at(lab: VerifyLab, names: list[str]) -> None:
    first, second = lab.sync(2)
    given = [name.replace("ID", first).replace("PREFIX", first) for name in names]
    states = set(lab.run("verify", *given, "--json").states)
    expected = {("nas", first, "good")}
    if "nas" not in names:
        expected.add(("offsite", first, "good"))
    if names == ["nas"]:
        expected.add(("nas", second, "good"))
    assert states == expected


def test_only_archives_of_a_source_are_looked_at(lab: VerifyLab) -> None:
    lab.sync()
    assert len(lab.run("verify", "--source", "chem", "--json").states) == 2
    bio = '[sources.bio]\ntype = "rspace"\nurl = "https://rspace.example.edu"\n'
    lab.configure(top=f'{bio}api_key = {{ env = "ALICE_KEY" }}\n')
    done = lab.run("verify", "--source", "bio", "--json")
    assert (done.code, done.states) == (0, [])


def test_names_that_mean_nothing_are_told(lab: VerifyLab) -> None:
    lab.sync()
    unknown = lab.run("verify", "offsit")
    assert unknown.code == 2
    assert "There is no destination 'offsit'" in unknown.err
    assert 'Did you mean "offsite"? Known destinations: nas, offsite.' in unknown.err


@pytest.mark.parametrize("ledger", ["with ledger", "without ledger"])
@pytest.mark.parametrize("how", [[], ["--quick"], ["--chain"], ["--repair"]], ids=str)
@pytest.mark.parametrize(
    ("where", "told"),
    [
        ([], "No archive 2099 is stored. `labferry list` shows what there is."),
        (["nas"], "No archive 2099 is stored at nas. `labferry list nas` shows what there is."),
    ],
    ids=["anywhere", "nas"],
)
def test_slip_in_the_name_of_an_archive_is_no_damage(
    lab: VerifyLab, where: list[str], told: str, how: list[str], ledger: str
) -> None:
    lab.sync()
    if ledger == "without ledger":
        lab.forget()
    done = lab.run("verify", *where, "2099", *how)
    assert done.code == 1
    assert told in done.err
    assert "verify nas" not in done.err


def test_archive_that_was_removed_in_good_order_is_no_damage_when_it_is_asked_for(
    lab: VerifyLab,
) -> None:
    first, _ = lab.sync(2)
    copy = lab.ledger(lambda copies: copies.get("nas", first))
    lab.ledger(lambda copies: copies.removed("nas", first, copy.stored_at))
    lab.remove(first)
    done = lab.run("verify", "nas", first)
    assert done.code == 1
    assert f"No archive {first} is stored at nas." in done.err


@pytest.mark.parametrize("part", [1.0, 0.5], ids=["whole name", "beginning of the name"])
@pytest.mark.parametrize("loss", LOSSES)
def test_missing_copy_that_is_asked_for_is_damage_where_the_ledger_knows_of_it(
    lab: VerifyLab, loss: str, part: float
) -> None:
    (first,) = lab.sync()
    LOSSES[loss](lab, first)
    done = lab.run("verify", "nas", first[: int(len(first) * part)], "--json")
    assert (done.code, done.states) == (4, [("nas", first, "missing")])
    (problem,) = done.document["problems"]
    assert f"labferry verify nas {first} --repair" in problem["hint"]


def test_archive_whose_manifest_is_left_is_missing_even_without_a_ledger(lab: VerifyLab) -> None:
    first, _ = lab.sync(2)
    lab.forget()
    lab.archive(first).unlink()
    for where in (["nas"], []):
        done = lab.run("verify", *where, first, "--json")
        assert done.code == 4
        assert ("nas", first, "missing") in done.states


def test_destination_that_cannot_be_asked_is_not_said_to_lack_an_archive(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    shutil.rmtree(lab.folder / "nas")
    done = lab.run("verify", "nas", first, "--json")
    assert (done.code, done.states) == (1, [("nas", "", "failed")])


def test_known_archive_is_not_missed_where_the_chain_alone_is_looked_at(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    done = lab.run("verify", "nas", first, "--chain")
    assert (done.code, done.err) == (0, "")


def test_source_that_nobody_knows_is_a_slip(lab: VerifyLab) -> None:
    lab.sync()
    for where in ([], ["nas"]):
        done = lab.run("verify", *where, "--source", "chen")
        assert done.code == 2
        assert "There is no source 'chen' in " in done.err
        assert 'Did you mean "chem"? Known sources: chem.' in done.err


def test_source_that_is_not_configured_any_more_is_verified_and_missed(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    lab.config.write_text(lab.config.read_text().replace("[sources.chem]", "[sources.bio]"))
    assert lab.run("verify", "nas", "--source", "chem", "--json").states == [("nas", first, "good")]
    lab.remove(first)
    done = lab.run("verify", "nas", "--source", "chem", "--json")
    assert (done.code, done.states) == (4, [("nas", first, "missing")])


def test_destination_that_cannot_be_asked_keeps_none_of_the_others_from_it(lab: VerifyLab) -> None:
    (first,) = lab.sync()
    shutil.rmtree(lab.folder / "nas")
    done = lab.run("verify", "--json")
    assert done.code == 1
    assert sorted(done.states) == [("nas", "", "failed"), ("offsite", first, "good")]
    lab.damage(first, "offsite")
    assert lab.run("verify").code == 4


def test_works_without_ledger_key_and_server(lab: VerifyLab) -> None:
    lab.sync()
    lab.forget()
    del lab.environment["ALICE_KEY"]
    done = lab.run("verify", "--json")
    assert (done.code, len(done.states)) == (0, 2)
    assert not lab.state.exists()


def test_edited_manifest_is_found_by_the_ledger(lab: VerifyLab) -> None:
    first, second = lab.sync(2)
    _edit(lab, first, crc32="00000000")
    done = lab.run("verify", "nas", "--json")
    assert done.code == 4
    assert sorted(done.states) == [("nas", first, "damaged"), ("nas", second, "good")]


def test_new_ledger_learns_what_is_there(lab: VerifyLab) -> None:
    lab.sync(2)
    lab.forget()
    lab.sync()
    assert lab.run("verify").code == 0
    assert len(lab.ledger(lambda copies: copies.at("nas"))) == 3
    lab.remove(lab.ids()[0])
    assert lab.run("verify", "nas").code == 4


@pytest.mark.parametrize("how", [[], ["--quick"], ["--contents"]])
def test_disk_that_goes_after_it_was_listed_is_no_damage(
    lab: VerifyLab, monkeypatch: pytest.MonkeyPatch, how: list[str]
) -> None:
    (first,) = lab.sync()
    disk = lab.destination("nas")
    for name in ("open", "quick_check"):
        original = getattr(LocalSink, name)

        def unplugged(*arguments: object, original: Callable[..., object] = original) -> object:
            if disk.exists():
                disk.rename(lab.folder / "unplugged")
            return original(*arguments)

        monkeypatch.setattr(LocalSink, name, unplugged)

    done = lab.run("verify", "nas", "--json", *how)

    assert (done.code, done.states) == (1, [("nas", "", "failed")])
    assert lab.ledger(lambda copies: copies.get("nas", first)).problem == ""
