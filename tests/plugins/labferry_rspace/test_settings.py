from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from labferry_rspace import RSpaceSettings

MINIMAL = {"type": "rspace", "url": "https://rspace.example.edu", "api_key": {"env": "KEY"}}


def settings(**more: Any) -> RSpaceSettings:  # noqa: ANN401 - settings of any kind
    return RSpaceSettings.model_validate({**MINIMAL, **more})


def refusal(**more: Any) -> str:  # noqa: ANN401 - settings of any kind
    with pytest.raises(ValidationError) as caught:
        settings(**more)
    return str(caught.value)


def test_an_address_and_a_key_are_enough_for_ones_own_work() -> None:
    chosen = settings()
    assert (chosen.scope, chosen.id, chosen.format, chosen.max_link_level) == (
        "user",
        None,
        "xml",
        1,
    )
    assert chosen.poll_interval == timedelta(minutes=1)
    assert chosen.job_timeout == timedelta(hours=24)
    assert [secret.origin for secret in chosen.keys] == ["env KEY"]


@pytest.mark.parametrize(
    "written",
    [
        "https://rspace.example.edu",
        "https://rspace.example.edu/",
        "https://rspace.example.edu/api/v1",
        "https://rspace.example.edu/api/v1/",
        "HTTPS://RSpace.Example.edu:443/api/v1/",
    ],
)
def test_the_address_is_kept_without_slash_and_api_path(written: str) -> None:
    assert settings(url=written).url == "https://rspace.example.edu"


def test_an_address_may_have_a_port_and_a_path() -> None:
    url = "http://rspace.example.edu:8080/notebook/api/v1/"
    assert settings(url=url).url == "http://rspace.example.edu:8080/notebook"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "rspace.example.edu",
        "ftp://rspace.example.edu",
        "https://",
        "https://[::1",
        "https://alice:secret@rspace.example.edu",
        "https://rspace.example.edu/?x=1",
        "https://rspace.example.edu/?",
        "https://rspace.example.edu/#top",
    ],
)
def test_what_is_no_plain_web_address_is_refused_and_not_repeated(written: str) -> None:
    told = refusal(url=written)
    assert "an address" in told
    assert "secret" not in told


def test_ids_of_users_and_groups_are_numbers_or_names() -> None:
    assert settings(id=101).id == 101
    assert settings(id="alice").id == "alice"
    assert settings(scope="group", id="Chem Lab").id == "Chem Lab"
    for wrong in (0, -1, "", True, 1.5):
        refusal(id=wrong)


def test_selections_are_ids_or_global_ids() -> None:
    given = [1, "2", "SD3", "FL4", "NB5", "GL6", "GF7", " SD0008 "]
    assert settings(scope="selection", selections=given).selections == (1, 2, 3, 4, 5, 6, 7, 8)


@pytest.mark.parametrize("wrong", [0, -3, True, 1.0, "", "SD", "SA12", "IC9", "SD1v2", "x", "1,2"])
def test_what_is_no_record_of_the_notebook_is_refused(wrong: object) -> None:
    assert "global id, such as SD123" in refusal(scope="selection", selections=[wrong])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"api_key": None}, "either api_key or api_keys"),
        ({"api_keys": [{"env": "B"}]}, "either api_key or api_keys"),
        ({"scope": "selection"}, "selections: the ids"),
        ({"scope": "selection", "selections": [1], "id": 2}, "id only with scope user or group"),
        ({"selections": [1]}, "selections only with scope selection"),
        ({"scope": "search"}, "either query or advanced_query"),
        ({"scope": "search", "query": "a", "advanced_query": "{}"}, "either query or advanced"),
        ({"query": "a"}, "query only with scope search"),
        ({"include": ["a*"]}, "include only with scope all-users or all-groups"),
        ({"scope": "everything"}, "scope"),
        ({"format": "pdf"}, "format"),
        ({"max_link_level": -1}, "max_link_level"),
        ({"poll_interval": "0s"}, "longer than zero"),
        ({"poll_intervall": "1s"}, "poll_intervall"),
        ({"scope": "search", "query": "a" * 2001}, "2000"),
        ({"scope": "search", "advanced_query": "{"}, "JSON"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given: dict[str, Any], told: str) -> None:
    assert told in refusal(**given)


def test_all_contradictions_are_told_at_once() -> None:
    told = refusal(scope="search", id=1, selections=[1])
    assert "id only" in told
    assert "selections only" in told
    assert "either query" in told


def test_several_keys_can_be_given() -> None:
    chosen = settings(api_key=None, api_keys=[{"env": "A"}, {"env": "B"}])
    assert [secret.origin for secret in chosen.keys] == ["env A", "env B"]


def test_every_key_is_described_for_editors() -> None:
    fields = RSpaceSettings.model_json_schema()["properties"]
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_ca_file_may_begin_with_the_home_folder() -> None:
    assert settings(ca_file="~/ca.pem").ca_file == Path.home() / "ca.pem"


def test_keys_are_never_shown() -> None:
    chosen = settings(api_key="aliceAliceAliceAlice01")
    assert "aliceAlice" not in repr(chosen)
    assert "aliceAlice" not in chosen.model_dump_json()


@pytest.mark.parametrize("written", [123, "123", "SD123", "FL0123", " NB7 ", "GL9", "GF9"])
def test_the_schema_takes_every_id_that_validation_takes(written: object) -> None:
    given = {"scope": "selection", "selections": [written]}
    assert settings(**given).selections
    schema = Draft202012Validator(RSpaceSettings.model_json_schema(mode="validation"))
    assert schema.is_valid({**MINIMAL, **given})


@pytest.mark.parametrize("written", [0, -1, "SD", "XX1", "SD1.5", "", True, 1.5])
def test_the_schema_refuses_every_id_that_validation_refuses(written: object) -> None:
    given = {"scope": "selection", "selections": [written]}
    assert "selections" in refusal(**given)
    schema = Draft202012Validator(RSpaceSettings.model_json_schema(mode="validation"))
    assert not schema.is_valid({**MINIMAL, **given})
