from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from labferry_elabftw import ElabftwSettings

MINIMAL = {"type": "elabftw", "url": "https://elab.example.edu", "api_key": {"env": "KEY"}}


def settings(**more: Any) -> ElabftwSettings:  # noqa: ANN401 - settings of any kind
    return ElabftwSettings.model_validate({**MINIMAL, **more})


def refusal(**more: Any) -> str:  # noqa: ANN401 - settings of any kind
    with pytest.raises(ValidationError) as caught:
        settings(**more)
    return str(caught.value)


def test_an_address_and_a_key_are_enough() -> None:
    chosen = settings()
    assert chosen.format == "eln"
    assert chosen.entries == ("experiments", "items", "experiments_templates")
    assert chosen.poll_interval == timedelta(minutes=1)
    assert chosen.require_digest
    assert [secret.origin for secret in chosen.keys] == ["env KEY"]


@pytest.mark.parametrize(
    "written",
    ["https://elab.example.edu/", "https://elab.example.edu/api/v2/", "HTTPS://elab.Example.edu"],
)
def test_the_address_is_kept_without_slash_and_api_path(written: str) -> None:
    assert settings(url=written).url == "https://elab.example.edu"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"api_key": None}, "either api_key or api_keys"),
        ({"api_keys": [{"env": "B"}]}, "either api_key or api_keys"),
        ({"format": "docx"}, "format"),
        ({"entries": []}, "entries"),
        ({"entries": ["resources"]}, "entries"),
        ({"include_json": True}, "include_json only with format zip; here it is eln"),
        ({"pdfa": True}, "pdfa only with format pdf or zip"),
        ({"format": "json", "include_changelog": True}, "include_changelog only with format"),
        ({"poll_interval": "0s"}, "longer than zero"),
        ({"scope": "user"}, "scope"),
        ({"url": "https://alice:secret@elab.example.edu"}, "without a user name"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given: dict[str, Any], told: str) -> None:
    assert told in refusal(**given)


def test_keys_are_never_shown() -> None:
    chosen = settings(api_key="3-0123456789abcdef")
    assert "0123456789abcdef" not in repr(chosen) + chosen.model_dump_json()
