"""The mark of a record: found again from its key, and telling no names."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labferry_zenodo.marker import Marker, file_name, series_of

PARTS = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=20).filter(
    lambda part: part[0] not in ".-"
)
KEYS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
USUAL = "chem-group/2026/20260102T030405Z-chem-group-23.zip"


@given(KEYS)
def test_key_is_found_again_from_mark_and_file_name(key: str) -> None:
    marker = Marker.parse(str(Marker.of(key)))
    assert marker == Marker.of(key)
    assert marker is not None
    assert marker.key(file_name(key)) == key


@given(KEYS, KEYS)
def test_marks_of_two_keys_differ(one: str, other: str) -> None:
    assert (str(Marker.of(one)) == str(Marker.of(other))) == (one == other)


def test_mark_of_a_usual_key_tells_no_names() -> None:
    text = str(Marker.of(USUAL))
    assert "chem" not in text
    assert "2026" not in text
    assert Marker.of(USUAL).key(file_name(USUAL)) == USUAL


def test_archives_of_one_source_share_a_series() -> None:
    other = USUAL.replace("-23", "-24")
    assert series_of(USUAL) == "chem-group"
    assert Marker.of(USUAL).series == Marker.of(other).series
    assert Marker.of(USUAL).series != Marker.of(f"x{USUAL}").series


@pytest.mark.parametrize(
    "text", ["", None, 3, "labferry:x:y", "labferry:check", f"x{Marker.of(USUAL)}"]
)
def test_other_identifiers_are_no_marks(text: object) -> None:
    assert Marker.parse(text) is None


@pytest.mark.parametrize("folder", ["..", "../x", "/", "a//b", "a\nb"])
def test_folder_that_leads_elsewhere_makes_no_key(folder: str) -> None:
    marker = Marker(Marker.of("x.zip").series, Marker.of("x.zip").archive, folder)
    assert marker.key("x.zip") is None


def test_another_name_is_not_the_marks() -> None:
    assert Marker.of(USUAL).key("20260102T030405Z-chem-group-24.zip") is None
