"""What a command ends with is one of the codes that its help states."""

from collections.abc import Sequence

from labferry.cli.exit_codes import EXIT_CODES


def require_stated(arguments: Sequence[str], code: int) -> None:
    """Make sure of it.

    Args:
        arguments: The command line; one that names no verb is let pass.
        code: What it ended with; negative where it was killed.
    """
    verb = " ".join(arguments[:2])
    stated = EXIT_CODES.get(verb) or EXIT_CODES.get(verb.partition(" ")[0])
    assert stated is None or code < 0 or code in stated, f"{verb}: {code} is not in its help"
