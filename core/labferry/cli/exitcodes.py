"""One exit code for several failures."""

from collections.abc import Iterable

from labferry.sdk import IntegrityError

__all__ = ["shared_exit_code"]


def shared_exit_code(codes: Iterable[int]) -> int:
    """The code of the only kind of failure; of several, integrity tells most.

    Args:
        codes: One for each result; 0 where it is no failure.
    """
    kinds = {*codes} - {0}
    if len(kinds) == 1:
        return kinds.pop()
    if IntegrityError.exit_code in kinds:
        return IntegrityError.exit_code
    return 1 if kinds else 0
