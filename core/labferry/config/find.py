"""Where the configuration file and the state folder are."""

import os
from pathlib import Path

import platformdirs

from labferry.sdk.errors import ConfigError

FILE_NAME = "labferry.toml"
_APPLICATION = "labferry"
_SYSTEM_FOLDER = Path("/etc/labferry")


def find_config(explicit: Path | None) -> Path:
    """The configuration file to read.

    It is the one that was asked for, else the one that $LABFERRY_CONFIG names, whether there or
    not; else the first that is there of `labferry.toml` in the working folder, in the user's
    configuration folder and in `/etc/labferry`.

    Args:
        explicit: What the command line says.

    Raises:
        ConfigError: There is none.
    """
    named = explicit or os.environ.get("LABFERRY_CONFIG")
    if named:
        return Path(named)
    folders = (Path.cwd(), platformdirs.user_config_path(_APPLICATION), _SYSTEM_FOLDER)
    places = [folder / FILE_NAME for folder in folders]
    for place in places:
        if _may_be_there(place):
            return place
    raise ConfigError(
        f"There is no configuration file; looked for {', '.join(map(str, places))}.",
        hint="Name one with --config or $LABFERRY_CONFIG, or let `labferry init` write one.",
    )


def find_state_dir() -> Path:
    """The state folder where the configuration names none.

    It is $STATE_DIRECTORY, which systemd sets (the first of several, as `systemd.exec(5)` says
    they are separated by colons), else the user's state folder.
    """
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(given) if given else platformdirs.user_state_path(_APPLICATION)


def _may_be_there(path: Path) -> bool:
    """False only if it certainly isn't: what can't be looked at is reported, not passed over."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
