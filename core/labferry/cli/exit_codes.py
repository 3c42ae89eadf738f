"""The exit codes that each verb can end with, and one code for several failures."""

import textwrap
from collections.abc import Iterable, Mapping

from labferry.sdk import IntegrityError

_WIDTH = 76
"""Columns, with which help fits into 80."""
_ANY_VERB = {
    1: "failed",
    2: "the command line or the configuration is wrong; nothing was started",
    130: "stopped by Ctrl-C",
    143: "stopped by SIGTERM",
}
_GO_ON = {
    130: "stopped by Ctrl-C: run again to go on",
    143: "stopped by SIGTERM: run again to go on",
}
_REFUSED = "refused: credentials or permissions"
_REFUSED_OR_NO_KEY = "refused: credentials, permissions, or no private key that fits"
_OWN: Mapping[str, Mapping[int, str]] = {
    "check": {
        0: "a sync would work",
        1: "something that a sync needs does not work",
        4: "integrity: a destination does not hold what was written to it",
        5: _REFUSED,
    },
    "completion": {0: "the script is printed"},
    "demo": {
        0: "everything was exported and stored",
        3: "partial: a destination failed",
    },
    "drill": {
        0: "everything could be restored, and is good",
        1: "nothing could be restored",
        3: "some of it could not be restored",
        4: "integrity: a copy is damaged",
        5: f"nothing could be restored; {_REFUSED_OR_NO_KEY}",
        130: "stopped by Ctrl-C; nothing is left behind",
        143: "stopped by SIGTERM; nothing is left behind",
    },
    "init": {
        0: "everything is written",
        2: "something is there already, or it can't be written; nothing was touched",
    },
    "list": {
        0: "everything is listed",
        1: "no destination could be asked",
        3: "partial: some destinations could not be asked",
        4: "integrity: what a destination tells can't be right",
        5: _REFUSED,
    },
    "plugins": {0: "the plugins are listed, whether they work or not"},
    "plugins validate": {
        0: "every promise that was tried is kept",
        1: "a promise is broken",
        4: "integrity: it gives back other bytes than it was given",
        5: _REFUSED,
    },
    "prune": {
        0: "everything that is not to be kept is gone",
        1: "no destination could be pruned",
        2: "configuration wrong, or a destination can't delete: nothing was removed",
        3: "partial: something could not be removed, or some destinations failed",
        4: "integrity: what a destination tells can't be right",
        5: _REFUSED,
        11: "a run is at work",
        **_GO_ON,
    },
    "report": {
        0: "the page is written",
        1: "the ledger can't be read, or the page not be written",
    },
    "restore": {
        0: "restored, and verified",
        1: "failed: not found, no space, something is in the way",
        2: "not clear what is meant; nothing was started",
        4: "integrity: every copy is bad, or it can't be unpacked safely",
        5: _REFUSED_OR_NO_KEY,
        11: "another restore is writing the same file",
        **_GO_ON,
    },
    "schema": {0: "the schema is printed"},
    "status": {
        0: "everything is told; with --max-age: ok, everything is fresh",
        1: "failed; with --max-age: warning, the newest attempt failed, or a copy is overdue to "
        "be read back",
        2: f"{_ANY_VERB[2]}; with --max-age: critical, something is too old or was never stored, "
        "or a copy is damaged",
        3: "with --max-age: unknown, it can't be found out",
    },
    "sync": {
        0: "all that is required is stored and checked",
        3: "partial: some archives or destinations failed",
        4: "integrity: bytes differ from what was declared or stored",
        5: _REFUSED,
        11: "another run is at work",
        75: "the server is still exporting: run again",
        **_GO_ON,
    },
    "verify": {
        0: "everything that was looked at is good, or was repaired",
        1: "something could not be looked at, or no such archive is stored",
        2: "the configuration is wrong, or there is no such destination or source",
        4: "integrity: a copy is damaged or missing",
        5: _REFUSED_OR_NO_KEY,
        11: "something is to be repaired, and a run is at work",
    },
}

EXIT_CODES: Mapping[str, Mapping[int, str]] = {
    verb: dict(sorted({**_ANY_VERB, **own}.items())) for verb, own in _OWN.items()
}
"""What each code means where a verb ends with it; a verb ends with no other."""


def exit_codes(verb: str) -> str:
    """The part of a verb's help that lists its exit codes; its lines are kept as they are."""
    told = [
        textwrap.fill(meaning, _WIDTH, initial_indent=f"  {code:<5}", subsequent_indent=" " * 7)
        for code, meaning in EXIT_CODES[verb].items()
    ]
    return "\b\nExit codes:\n" + "\n".join(told) + "\n\n"


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
