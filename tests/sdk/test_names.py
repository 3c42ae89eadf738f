"""Names from elsewhere: bounded, on one line, and fit to be stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labferry.sdk import ManifestNames, Names

ANYTHING = st.none() | st.text(st.characters(exclude_categories=()), max_size=600)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (Names(), ""),
        (Names("alice"), "alice"),
        (Names("alice", "Alice Archer"), "Alice Archer (alice)"),
        (Names(full_name="Alice Archer"), "Alice Archer"),
        (Names("alice", "alice"), "alice"),
        (Names(group_name="Smith Lab"), "Smith Lab"),
        (Names("alice", "Alice Archer", "Smith Lab"), "Alice Archer (alice), Smith Lab"),
    ],
)
def test_what_people_read(names: Names, text: str) -> None:
    assert str(names) == text
    assert bool(names) is bool(text)


@given(st.tuples(ANYTHING, ANYTHING, ANYTHING))
def test_whatever_a_source_passes_on_can_be_stored(
    passed: tuple[str | None, str | None, str | None],
) -> None:
    names = Names(*passed)
    for name in (names.username, names.full_name, names.group_name):
        assert name is None or (name.isprintable() and len(name.encode()) > 0 and len(name) <= 255)
    stored = ManifestNames(
        username=names.username, full_name=names.full_name, group_name=names.group_name
    )
    assert Names(**stored.model_dump()) == names
    assert Names(names.username, names.full_name, names.group_name) == names


def test_what_is_no_text_is_no_name() -> None:
    assert Names(23, ["x"], {}) == Names()  # type: ignore[arg-type]
