"""The configuration file to begin with."""

from importlib import resources


def starter_file() -> str:
    """The commented file that `labferry init` writes.

    A line that begins with `#` and no space after it is a setting that is switched off.
    """
    return resources.files(__package__).joinpath("starter.toml").read_text(encoding="utf-8")
