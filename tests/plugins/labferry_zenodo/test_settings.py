"""The destination's table: what is refused, and why; what the metadata becomes."""

from typing import Any

import pytest
from pydantic import ValidationError

from labferry.sdk import JsonValue
from labferry_zenodo import ZenodoSettings

from .storing import Storing, sample

TABLE: dict[str, JsonValue] = {
    "type": "zenodo",
    "url": "https://sandbox.zenodo.org",
    "token": "secret-token",
    "metadata": {"creators": [{"family_name": "Curie", "given_name": "Marie"}]},
}


def settings(**changes: JsonValue) -> ZenodoSettings:
    return ZenodoSettings.model_validate({**TABLE, **changes})


def described(**changes: JsonValue) -> ZenodoSettings:
    creators: JsonValue = [{"organization": "Lab"}]
    return settings(metadata={"creators": creators, **changes})


def test_drafts_with_restricted_files_are_the_default() -> None:
    made = settings()
    assert (made.publish, made.series) == (False, False)
    assert (made.access.record, made.access.files) == ("public", "restricted")
    assert (made.room, made.publisher) == (50_000_000_000, "Zenodo")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"communities": ["chem"]}, "their members could access restricted files"),
        ({"series": True}, "needs publish = true"),
        ({"access": {"record": "restricted"}}, "Zenodo has no restricted records"),
        ({"access": {"record": "restricted", "files": "public"}}, "restricted, too"),
        ({"access": {"files": "embargoed"}}, "restricted"),
        ({"url": "zenodo.org"}, "an address such as"),
        ({"url": "https://user:password@zenodo.org"}, "without a user name"),
        ({"url": "https://zenodo.org/?access_token=x"}, "behind"),
        ({"metadata": {"creators": []}}, "at least 1"),
        ({"quota": "1 kB"}, "greater than"),
        ({"upload_check": "readback"}, "offers no choice"),
    ],
)
def test_impossible_settings_are_refused_with_the_reason(
    changes: dict[str, JsonValue], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        settings(**changes)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"title": "x"}, "at least 3"),
        ({"title": "{job}"}, "source"),
        ({"title": "{source.__class__}"}, "source"),
        ({"title": "{source!r}"}, "source"),
        ({"title": "{source"}, "source"),
        ({"creators": [{}]}, "either a family_name or"),
        ({"creators": [{"organization": "X", "orcid": "0000-0002-1825-0097"}]}, "a person's"),
        ({"creators": [{"family_name": "X", "orcid": "0000-0002-1825-0098"}]}, "ORCID"),
        ({"creators": [{"family_name": "X", "ror": "01ggx4157"}]}, "organisation's"),
        ({"creators": [{"organization": "X", "ror": "nonsense"}]}, "ROR"),
        ({"related_identifiers": [{"identifier": "ISBN 3", "relation": "cites"}]}, "its scheme"),
        ({"funding": [{}]}, "either the funder's name"),
        ({"funding": [{"funder": "DFG", "award_number": "7"}]}, "needed both"),
        ({"funding": [{"funder": "DFG", "award_id": "7", "award_number": "7"}]}, "award_id"),
    ],
)
def test_impossible_metadata_is_refused_with_the_reason(
    metadata: dict[str, JsonValue], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        described(**metadata)


@pytest.mark.parametrize(
    "url",
    ["https://rdm.example.edu", "https://rdm.example.edu/", "https://rdm.example.edu/api/"],
)
def test_address_is_taken_as_people_write_it(url: str) -> None:
    made = settings(url=url)
    assert (made.url, made.publisher) == ("https://rdm.example.edu", "rdm.example.edu")
    assert made.room == 10_000_000_000


def test_token_is_not_shown() -> None:
    assert "secret-token" not in f"{settings()!r} {settings()} {settings().model_dump_json()}"


def test_all_metadata_reaches_the_record(storing: Storing) -> None:
    storing.changes |= {
        "publish": True,
        "metadata": {
            "title": "{source} of {date}: {archive_id}",
            "description": "<p>All of it.</p>",
            "resource_type": "dataset",
            "licence": "cc-by-4.0",
            "publisher": "Lab Press",
            "keywords": ["notebook", "chemistry"],
            "creators": [
                {
                    "family_name": "Carberry",
                    "given_name": "Josiah",
                    "orcid": "https://orcid.org/0000-0002-1825-0097",
                    "affiliation": "Brown University",
                },
                {"organization": "CERN", "ror": "https://ror.org/01ggx4157"},
            ],
            "related_identifiers": [
                {"identifier": "10.1234/x", "relation": "issupplementto"},
                {
                    "identifier": "https://example.edu/x",
                    "relation": "references",
                    "resource_type": "publication-article",
                },
            ],
            "funding": [
                {"funder_ror": "018mejw64", "award_number": "77", "award_title": "Numbers"},
                {"funder": "A foundation"},
                {"funder_ror": "00k4n6c32", "award_id": "00k4n6c32::1"},
            ],
        },
    }
    storing.store()
    told: dict[str, Any] = dict(storing.record().metadata)
    assert told["title"] == f"sample of 2026-01-02: {sample().id}"
    assert told["rights"][0]["id"] == "cc-by-4.0"
    assert told["subjects"] == [{"subject": "notebook"}, {"subject": "chemistry"}]
    person, organization = (each["person_or_org"] for each in told["creators"])
    assert person["identifiers"] == [{"scheme": "orcid", "identifier": "0000-0002-1825-0097"}]
    assert organization["identifiers"] == [{"scheme": "ror", "identifier": "01ggx4157"}]
    assert told["creators"][0]["affiliations"] == [{"name": "Brown University"}]
    assert [each["scheme"] for each in told["related_identifiers"]] == ["doi", "url"]
    assert told["funding"][0]["award"] == {"number": "77", "title": {"en": "Numbers"}}
    assert told["funding"][2]["award"] == {"id": "00k4n6c32::1"}
