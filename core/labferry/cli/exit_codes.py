"""The exit codes that each verb can end with, in words for its help."""

import textwrap
from collections.abc import Mapping

from labferry.sdk import ExitCode

_WIDTH = 76
"""Columns, with which help fits into 80."""
_ANY_VERB: Mapping[int, str] = {
    ExitCode.FAILED: "failed",
    ExitCode.USAGE: "the command line or the configuration is wrong; nothing was started",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C",
    ExitCode.TERMINATED: "stopped by SIGTERM",
}
_GO_ON: Mapping[int, str] = {
    ExitCode.INTERRUPTED: "stopped by Ctrl-C: run again to go on",
    ExitCode.TERMINATED: "stopped by SIGTERM: run again to go on",
}
_REFUSED = "refused: credentials or permissions"
_REFUSED_OR_NO_KEY = "refused: credentials, permissions, or no private key that fits"
_OWN: Mapping[str, Mapping[int, str]] = {
    "check": {
        ExitCode.OK: "a sync would work",
        ExitCode.FAILED: "something that a sync needs does not work",
        ExitCode.INTEGRITY: "integrity: a destination does not hold what was written to it",
        ExitCode.REFUSED: _REFUSED,
    },
    "completion": {ExitCode.OK: "the script is printed"},
    "demo": {
        ExitCode.OK: "everything was exported and stored",
        ExitCode.PARTIAL: "partial: a destination failed",
    },
    "drill": {
        ExitCode.OK: "everything could be restored, and is good",
        ExitCode.FAILED: "nothing could be restored",
        ExitCode.PARTIAL: "some of it could not be restored",
        ExitCode.INTEGRITY: "integrity: a copy is damaged",
        ExitCode.REFUSED: f"nothing could be restored; {_REFUSED_OR_NO_KEY}",
        ExitCode.INTERRUPTED: "stopped by Ctrl-C; nothing is left behind",
        ExitCode.TERMINATED: "stopped by SIGTERM; nothing is left behind",
    },
    "history": {
        ExitCode.OK: "the runs are shown, however they ended",
        ExitCode.FAILED: "the ledger can't be read",
    },
    "init": {
        ExitCode.OK: "everything is written",
        ExitCode.USAGE: "a file exists already or can't be written; nothing was changed",
    },
    "list": {
        ExitCode.OK: "everything is listed",
        ExitCode.FAILED: "no destination could be listed",
        ExitCode.PARTIAL: "partial: some destinations could not be listed",
        ExitCode.INTEGRITY: "integrity: a destination's listing can't be right",
        ExitCode.REFUSED: _REFUSED,
    },
    "plugins": {ExitCode.OK: "the plugins are listed, whether they work or not"},
    "plugins validate": {
        ExitCode.OK: "every promise that was tested is kept",
        ExitCode.FAILED: "a promise is broken",
        ExitCode.INTEGRITY: "integrity: it returned other bytes than were stored",
        ExitCode.REFUSED: _REFUSED,
    },
    "prune": {
        ExitCode.OK: "everything that retention does not keep is removed",
        ExitCode.FAILED: "no destination could be pruned",
        ExitCode.USAGE: "configuration wrong, or a destination can't delete: nothing was removed",
        ExitCode.PARTIAL: "partial: something could not be removed, or some destinations failed",
        ExitCode.INTEGRITY: "integrity: a destination's listing can't be right",
        ExitCode.REFUSED: _REFUSED,
        ExitCode.LOCKED: "a run is at work",
        **_GO_ON,
    },
    "report": {
        ExitCode.OK: "the page is written",
        ExitCode.FAILED: "the ledger can't be read, or the page can't be written",
    },
    "restore": {
        ExitCode.OK: "restored; the bytes are those of its manifest",
        ExitCode.FAILED: "failed: not found, no space, something is in the way",
        ExitCode.USAGE: "it is not clear which archive is meant; nothing was started",
        ExitCode.INTEGRITY: "integrity: every copy is bad, or it can't be unpacked safely",
        ExitCode.REFUSED: _REFUSED_OR_NO_KEY,
        ExitCode.LOCKED: "another restore is writing the same file",
        **_GO_ON,
    },
    "schema": {ExitCode.OK: "the schema is printed"},
    "status": {
        ExitCode.OK: "everything is listed; with --max-age: ok, everything is fresh",
        ExitCode.FAILED: "failed; with --max-age: warning, the newest attempt failed, or a copy is "
        "overdue to be read back",
        ExitCode.USAGE: f"{_ANY_VERB[ExitCode.USAGE]}; with --max-age: critical, something is too "
        "old or was never stored, or a copy is damaged",
        ExitCode.PARTIAL: "with --max-age: unknown, the state can't be determined",
    },
    "sync": {
        ExitCode.OK: "all that is required is stored and checked",
        ExitCode.PARTIAL: "partial: some archives or destinations failed",
        ExitCode.INTEGRITY: "integrity: bytes differ from what was declared or stored",
        ExitCode.REFUSED: _REFUSED,
        ExitCode.LOCKED: "another run is at work",
        ExitCode.NOT_FINISHED: "the server is still exporting: run again",
        **_GO_ON,
    },
    "verify": {
        ExitCode.OK: "every copy that was checked is good, or was repaired",
        ExitCode.FAILED: "something could not be checked, or no such archive is stored",
        ExitCode.USAGE: "the configuration is wrong, or there is no such destination or source",
        ExitCode.INTEGRITY: "integrity: a copy is damaged or missing",
        ExitCode.REFUSED: _REFUSED_OR_NO_KEY,
        ExitCode.LOCKED: "a repair is needed, but a run is at work",
    },
}

EXIT_CODES: Mapping[str, Mapping[int, str]] = {
    verb: dict(sorted({**_ANY_VERB, **own}.items())) for verb, own in _OWN.items()
}
"""What each code means where a verb ends with it; a verb ends with no other."""


def exit_codes(verb: str) -> str:
    """The part of a verb's help that lists its exit codes; its lines are kept as they are."""
    lines = [
        textwrap.fill(meaning, _WIDTH, initial_indent=f"  {code:<5}", subsequent_indent=" " * 7)
        for code, meaning in EXIT_CODES[verb].items()
    ]
    return "\b\nExit codes:\n" + "\n".join(lines) + "\n\n"
