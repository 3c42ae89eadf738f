"""Private keys on the command line, by the files that they are in."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from labferry.sdk import Secret

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])

identities_option: Callable[[FunctionT], FunctionT] = click.option(
    "--identity",
    "identity_files",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=(
        "File with a private key for encrypted archives; can be repeated [default: the "
        "destination's encrypt.identities]."
    ),
)


def secrets_in(files: Sequence[Path]) -> Sequence[Secret]:
    """The contents of files, to be kept out of sight."""
    return [Secret("file", str(file)) for file in files]
