"""What the exit codes of a run mean, and one code for several failures."""

from collections.abc import Iterable, Mapping

from labferry.sdk import IntegrityError

__all__ = ["MEANINGS", "shared_exit_code"]

MEANINGS: Mapping[int, str] = {
    0: "all that is required is stored and checked",
    1: "failed",
    2: "the configuration is wrong; nothing was started",
    3: "partial: some archives or destinations failed",
    4: "integrity: bytes differ from what was declared or stored",
    5: "refused: credentials or permissions",
    11: "another run is at work",
    75: "the server is still exporting: run again",
    130: "stopped by Ctrl-C: run again to go on",
    143: "stopped by SIGTERM: run again to go on",
}
"""What `labferry sync` exits with."""


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
