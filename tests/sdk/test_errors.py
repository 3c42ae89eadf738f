"""The tree of errors is what its drawing says."""

import inspect
import pickle
import re
from typing import NamedTuple

import pytest

from labferry import sdk
from labferry.sdk import ExitCode, LabferryError, StoppedError, TransientError, errors

ERRORS = [name for name in errors.__all__ if name.endswith("Error")]
LINE = re.compile(
    r"^    (?P<indent>[│├└─ ]*)(?P<name>\w+Error) +(?P<codes>[\d, ]+?)  +(?P<text>\S.*)$"
)


class Drawn(NamedTuple):
    name: str
    parent: str
    codes: tuple[int, ...]


def drawing() -> list[Drawn]:
    drawn: list[Drawn] = []
    parents = {-1: "Exception"}
    for line in (errors.__doc__ or "").splitlines():
        if match := LINE.match(line):
            depth = len(match["indent"]) // 4
            codes = tuple(int(code) for code in match["codes"].split(","))
            drawn.append(Drawn(match["name"], parents[depth - 1], codes))
            parents[depth] = match["name"]
    return drawn


def classes() -> dict[str, type[LabferryError]]:
    return {
        name: member
        for name, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, LabferryError)
    }


def test_every_class_is_drawn_once() -> None:
    assert sorted(each.name for each in drawing()) == sorted(classes()) == sorted(ERRORS)


@pytest.mark.parametrize("drawn", drawing(), ids=lambda drawn: drawn.name)
def test_class_is_where_it_is_drawn(drawn: Drawn) -> None:
    (parent,) = classes()[drawn.name].__bases__
    assert parent.__name__ == drawn.parent


@pytest.mark.parametrize("drawn", drawing(), ids=lambda drawn: drawn.name)
def test_exit_code_is_the_one_drawn(drawn: Drawn) -> None:
    if drawn.name == "StoppedError":
        assert drawn.codes == tuple(128 + number for number in (2, 15))
    else:
        assert drawn.codes == (classes()[drawn.name].exit_code,)


@pytest.mark.parametrize("name", ERRORS)
def test_every_class_is_part_of_the_sdk_and_described(name: str) -> None:
    assert getattr(sdk, name) is classes()[name]
    assert (classes()[name].__doc__ or "").strip().endswith(".")


def test_message_is_followed_by_what_to_do() -> None:
    error = LabferryError("The disk is full.", hint="Free some space.")
    assert str(error) == "The disk is full. Free some space."
    assert (error.message, error.hint) == ("The disk is full.", "Free some space.")
    assert str(LabferryError("The disk is full.")) == "The disk is full."


def test_transient_error_says_how_long_to_wait() -> None:
    assert TransientError("Slow down.", retry_after=3.5).retry_after == 3.5
    assert TransientError("Slow down.").retry_after is None


def test_stopped_error_knows_its_signal() -> None:
    error = StoppedError(15)
    assert error.signal_number == 15
    assert "Run again" in str(error)


@pytest.mark.parametrize("name", sorted(set(ERRORS) - {"StoppedError"}))
def test_error_can_be_raised_with_a_message_and_a_hint(name: str) -> None:
    error = classes()[name]("The message.", hint="The hint.")
    with pytest.raises(LabferryError, match=r"^The message\. The hint\.$"):
        raise error
    assert str(pickle.loads(pickle.dumps(error))).startswith("The message.")  # noqa: S301 - ours


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], 0),
        ([0, 0], 0),
        ([1], 1),
        ([2], 2),
        ([5, 5, 0], 5),
        ([5, 1], 1),
        ([11], 11),
        ([75, 75], 75),
        ([75, 5], 5),
        ([3, 1], 3),
        ([4, 5, 3, 75], 4),
        ([4, 143], 143),
        ([77], 77),
        ([77, 78], 1),
    ],
)
def test_several_outcomes_have_one_exit_code(codes: list[int], expected: int) -> None:
    assert ExitCode.combine(codes) == expected


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([], 0), ([1], 3), ([5, 5], 3), ([4, 1], 4), ([75], 75), ([130, 1], 130)],
)
def test_what_succeeded_beside_a_failure_makes_it_partial(codes: list[int], expected: int) -> None:
    assert ExitCode.combine(codes, any_succeeded=True) == expected


@pytest.mark.parametrize("code", [None, 75, 130, 143])
def test_next_run_goes_on_with_one_that_was_cut_off(code: int | None) -> None:
    assert ExitCode.is_unfinished(code)


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 11])
def test_run_that_came_to_its_end_is_not_gone_on_with(code: int) -> None:
    assert not ExitCode.is_unfinished(code)
