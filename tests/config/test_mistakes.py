"""Mistakes in what a well-formed file says."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from labferry.config import InvalidConfigError, Kinds, Problem
from labferry.config.problems import dotted
from labferry.sdk import Secret

Problems = Callable[..., tuple[Problem, ...]]


def _brief(problems: tuple[Problem, ...]) -> list[tuple[int, str, str]]:
    return [(problem.line, problem.key, problem.message) for problem in problems]


def test_an_empty_file_misses_destinations(problems: Problems) -> None:
    assert _brief(problems("")) == [
        (
            1,
            "destinations",
            "required: Where to store it: one table [destinations.NAME] for each place",
        ),
    ]


def test_empty_sections_are_mistakes(problems: Problems) -> None:
    assert _brief(problems("[sources]\n\n[destinations]\n")) == [
        (1, "sources", "expected 1 or more entries"),
        (3, "destinations", "expected 1 or more entries"),
    ]


def test_every_mistake_is_reported_at_once_in_the_order_of_the_file(
    problems: Problems, config_file: Path
) -> None:
    found = problems(
        """\
        max_wait = 5
        requires = 1

        [sources.chem]
        type = "rspace"
        url = 8
        api_key = { env = "KEY" }
        scope = "everything"

        [destinations.nas]
        type = "locla"

        [destinations.offsite]
        type = "local"
        required = "no"

        [syncs.nightly]
        sources = ["chemistry"]
        destinations = ["nas"]
        """
    )

    assert _brief(found) == [
        (1, "max_wait", 'expected a number and a unit, such as "90s", "15m", "26h" or "30d"'),
        (2, "requires", "unknown key"),
        (6, "sources.chem.url", "expected an address (URL) as a string, in quotes"),
        (8, "sources.chem.scope", 'expected "user", "group", "selection", "search" or "all-users"'),
        (11, "destinations.nas.type", "expected a type that an installed plugin offers"),
        (13, "destinations.offsite.path", "required: The folder"),
        (15, "destinations.offsite.required", "expected true or false"),
        (18, "syncs.nightly.sources[0]", "expected the name of a table under [sources]"),
    ]
    assert {problem.file for problem in found} == {config_file}
    assert {problem.column for problem in found} == {None}


def test_the_error_shows_one_problem_a_line(
    load: Callable[[str], None], config_file: Path, good: str
) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        load("requir = 1\nstate_dir = 1\n" + good)

    assert str(caught.value).splitlines() == [
        (
            f'{config_file}:1: requir: unknown key. Did you mean "require"? Known keys: '
            "state_dir, spool_dir, max_wait, retry_for, require, sources, destinations, syncs, "
            "observers."
        ),
        f"{config_file}:2: state_dir: expected a string, in quotes.",
    ]
    assert caught.value.exit_code == 2


def test_an_unknown_table_is_a_mistake(problems: Problems, good: str) -> None:
    (problem,) = problems(good + "[destination.b]\nx = 1\n")

    assert (problem.line, problem.key) == (9, "destination")
    assert problem.suggestion.startswith('Did you mean "destinations"? Known keys: ')


def test_an_unknown_type_names_the_nearest_and_the_known_ones(
    problems: Problems, good: str
) -> None:
    (problem,) = problems(good.replace('"local"', '"loca"'))

    assert (problem.line, problem.key) == (7, "destinations.nas.type")
    assert problem.suggestion == 'Did you mean "local"? Known types: local, mirror.'


def test_an_unknown_type_names_the_broken_plugins(
    problems: Problems, good: str, kinds: Kinds
) -> None:
    broken = replace(kinds, broken=("The plugin x 1.0 can't be imported: No module y.",))

    (problem,) = problems(good.replace('"local"', '"zip"'), kinds=broken)

    assert problem.suggestion == (
        "Known types: local, mirror. The plugin x 1.0 can't be imported: No module y."
    )


def test_without_any_plugin_no_type_is_known(problems: Problems, good: str) -> None:
    found = problems(good, kinds=Kinds({}, {}))

    assert [problem.suggestion for problem in found] == ["Known types: none."] * 2


@pytest.mark.parametrize(("table", "line"), [("", 6), ("type = 3\n", 7)])
def test_a_type_must_be_given_as_a_string(
    problems: Problems, good: str, table: str, line: int
) -> None:
    (problem,) = problems(good.replace('type = "local"\n', table))

    assert (problem.line, problem.key) == (line, "destinations.nas.type")
    assert problem.suggestion == "Known types: local, mirror."


@pytest.mark.parametrize(
    ("line", "key", "message"),
    [
        ('id = "12"', "id", "expected a whole number"),
        ("id = 1.5", "id", "expected a whole number"),
        ('ratio = "1"', "ratio", "expected a number"),
        ("include_revision_history = 1", "include_revision_history", "expected true or false"),
        ("max_link_level = -1", "max_link_level", "expected at least 0"),
        ("max_link_level = 10", "max_link_level", "expected at most 9"),
        ("selections = 7", "selections", "expected a list, in square brackets"),
        (
            "selections = [1, true]",
            "selections[1]",
            "expected a whole number or a string, in quotes",
        ),
        ("headers = []", "headers", "expected a table"),
        ('ca_file = ""', "ca_file", "expected a path"),
        (
            'poll_interval = "1 fortnight"',
            "poll_interval",
            'expected a number and a unit, such as "90s", "15m", "26h" or "30d"',
        ),
        ('format = "pdf"', "format", 'expected "xml" or "html"'),
        (
            "api_keys = [{ env = 3 }]",
            "api_keys[0].env",
            "expected a string, in quotes",
        ),
        (
            "api_keys = [{}]",
            "api_keys[0]",
            f"expected one of {Secret.FORMS} or a string",
        ),
        (
            "api_keys = [{ command = [] }]",
            "api_keys[0].command",
            "expected 1 or more entries",
        ),
        (
            'api_keys = [{ env = "" }]',
            "api_keys[0].env",
            "expected 1 or more characters",
        ),
    ],
)
def test_a_wrong_value_says_what_was_expected(
    problems: Problems, good: str, line: str, key: str, message: str
) -> None:
    found = problems(good.replace('type = "rspace"', f'type = "rspace"\n{line}'))

    assert _brief(found) == [(3, f"sources.chem.{key}", message)]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nowhere", "expected an address (URL): relative URL without a base"),
        ("ftp://x", 'expected an address that begins with "http" or "https"'),
    ],
)
def test_a_wrong_address_says_what_was_expected(
    problems: Problems, good: str, url: str, message: str
) -> None:
    found = problems(good.replace("https://rspace.example.edu", url))

    assert _brief(found) == [(3, "sources.chem.url", message)]


def test_a_mistake_deep_in_a_table_points_at_its_own_line(problems: Problems, good: str) -> None:
    found = problems(good + "\n[destinations.nas.retention]\nkeep_dialy = 7\n")

    assert _brief(found) == [
        (10, "destinations.nas.retention.keep_last", "required: The newest ones"),
        (11, "destinations.nas.retention.keep_dialy", "unknown key"),
    ]
    assert found[1].suggestion == 'Did you mean "keep_daily"? Known keys: keep_last, keep_daily.'


def test_a_sentence_of_a_plugin_is_shown_as_it_is(problems: Problems, good: str) -> None:
    found = problems(good.replace("url", 'scope = "group"\nurl'))

    assert _brief(found) == [(1, "sources.chem", "The scope group needs an id (key: none)")]


@pytest.mark.parametrize(
    ("text", "key"), [("sources = 3", "sources"), ("[sources]\nchem = 3", "sources.chem")]
)
def test_what_should_be_a_table_must_be_one(problems: Problems, text: str, key: str) -> None:
    found = problems(text + '\n[destinations.nas]\ntype = "local"\npath = "/p"\n')

    assert [(problem.key, problem.message) for problem in found] == [(key, "expected a table")]


@pytest.mark.parametrize("name", ["", "-a", "a-", "_a", "a b", "ä", "x" * 65, "a/b", "..", "a\n"])
def test_a_name_must_be_safe(problems: Problems, good: str, name: str) -> None:
    (problem,) = problems(good.replace("[sources.chem]", f"[{dotted(('sources', name))}]"))

    assert (problem.line, problem.key) == (1, dotted(("sources", name)))
    assert problem.message.startswith("expected a name of 1 to 64 letters, digits")


def test_control_characters_in_a_key_are_escaped(problems: Problems, good: str) -> None:
    (problem,) = problems('"\\u001b[31m" = 1\n' + good)

    assert problem.key == '"\\u001b[31m"'


def test_a_sync_names_known_sources_and_destinations(problems: Problems, good: str) -> None:
    found = problems(
        good + '[syncs.s]\nsources = [\n  "chem",\n  "chme",\n]\ndestinations = ["zzz"]\n'
    )

    assert _brief(found) == [
        (10, "syncs.s.sources[1]", "expected the name of a table under [sources]"),
        (14, "syncs.s.destinations[0]", "expected the name of a table under [destinations]"),
    ]
    assert found[0].suggestion == 'Did you mean "chem"? Known sources: chem.'
    assert found[1].suggestion == "Known destinations: nas."


def test_a_sync_has_both_lists_and_each_name_once(problems: Problems, good: str) -> None:
    found = problems(
        good
        + '[syncs.a]\nsources = []\n[syncs.b]\nsources = ["chem", "chem"]\ndestinations = "nas"\n'
        + "[syncs]\nc = 1\n"
    )

    assert _brief(found) == [
        (
            9,
            "syncs.a.destinations",
            "required: The names of the destinations that get all of their archives",
        ),
        (10, "syncs.a.sources", "expected 1 or more entries"),
        (12, "syncs.b.sources", "expected each name only once"),
        (13, "syncs.b.destinations", "expected a list, in square brackets"),
        (15, "syncs.c", "expected a table"),
    ]


def test_syncs_are_not_compared_with_a_section_that_is_no_table(
    problems: Problems, good: str
) -> None:
    found = problems(
        "sources = 1\n"
        + good[good.index("[dest") :]
        + '[syncs.s]\nsources = ["chem"]\ndestinations = ["nas"]\n'
    )

    assert _brief(found) == [(1, "sources", "expected a table")]


@pytest.mark.parametrize(("require", "message"), [(0, "at least 1"), (-1, "at least 1")])
def test_at_least_one_destination_must_be_required(
    problems: Problems, good: str, require: int, message: str
) -> None:
    assert _brief(problems(f"require = {require}\n" + good)) == [
        (1, "require", f"expected {message}")
    ]


@pytest.mark.parametrize("syncs", ["", '[syncs.s]\nsources = ["chem"]\ndestinations = ["nas"]\n'])
def test_no_more_destinations_can_be_required_than_each_sync_has(
    problems: Problems, good: str, syncs: str
) -> None:
    second = '[destinations.b]\ntype = "local"\npath = "/b"\n' if syncs else ""

    (problem,) = problems("require = 2\n" + good + second + syncs)

    assert problem.key == "require"
    assert problem.message == "expected at most 1, the destinations that each sync has"
