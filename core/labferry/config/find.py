"""Where the configuration file and the state folder are, and whether a file that was found counts.

Whoever writes the configuration can have any program run: its secrets may come from commands. A
file that the caller names is the caller's decision. One that is merely found, in the current folder
first of all, counts only if nobody but root and the caller can have written it.
"""

import errno
import os
import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from labferry.sdk.errors import ConfigError
from labferry.sdk.ownership import is_private_group, user_name

FILE_NAME = "labferry.toml"
_APPLICATION = "labferry"
_SYSTEM_FOLDER = Path("/etc/labferry")
_VARIABLE = "LABFERRY_CONFIG"
_ROOT = 0


@dataclass(frozen=True, slots=True)
class ConfigPlace:
    """A configuration file that is to be read.

    Attributes:
        path: Where it is, absolute.
        named_by: What names it: `--config` or `$LABFERRY_CONFIG`; empty if labferry found it.
    """

    path: Path
    named_by: str = ""


def find_config(explicit: Path | None) -> ConfigPlace:
    """The configuration file to read.

    It is the one that was asked for, else the one that $LABFERRY_CONFIG names, whether there or
    not; else the first that is there of `labferry.toml` in the working folder, in the user's
    configuration folder and in `/etc/labferry`.

    Args:
        explicit: What the command line says.

    Raises:
        ConfigError: There is none.
    """
    variable = os.environ.get(_VARIABLE)
    if explicit or variable:
        named_by = "--config" if explicit else f"${_VARIABLE}"
        return ConfigPlace(_absolute(explicit or Path(variable or ""), named_by), named_by)
    folders = (_working_folder(), _user_folder(platformdirs.user_config_path), _SYSTEM_FOLDER)
    places = [folder / FILE_NAME for folder in folders if folder is not None]
    for place in places:
        if _may_be_there(place):
            return ConfigPlace(place)
    raise ConfigError(
        f"There is no configuration file; looked for {', '.join(map(str, places))}.",
        hint="Name one with --config or $LABFERRY_CONFIG, or let `labferry init` write one.",
    )


def find_state_dir() -> Path:
    """The state folder where the configuration names none.

    It is $STATE_DIRECTORY, which systemd sets (the first of several, as `systemd.exec(5)` says
    they are separated by colons), else the user's state folder.

    Raises:
        ConfigError: Nobody knows where that is.
    """
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    folder = _user_folder(platformdirs.user_state_path)
    if folder is None:
        raise ConfigError(
            "There is no folder for labferry's state: $HOME is not set, and the user "
            f"{os.geteuid()} has no home folder.",
            hint="Set state_dir in the configuration, or $HOME.",
        )
    return folder


def open_config(place: ConfigPlace) -> int:
    """Open a configuration file for reading, as a descriptor.

    This never waits, not even for somebody to write into a pipe. A file that was found is looked
    at once it is open, so nobody can exchange it in between.

    Raises:
        OSError: It can't be opened.
        ConfigError: It was found, and somebody else may have written it.
    """
    if not place.named_by:
        # Both the folder that it was found in and, of a link, the one that it leads to.
        for folder in {place.path.parent, Path(os.path.realpath(place.path)).parent}:
            _require_own(folder, folder.stat())
    descriptor = os.open(place.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        _require_readable(place, os.fstat(descriptor))
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_readable(place: ConfigPlace, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not place.named_by:
        _require_own(place.path, found)


def _require_own(path: Path, found: os.stat_result) -> None:
    """Refuse what somebody else than root and the caller can change, and what is no file."""
    user = os.geteuid()
    reason = advice = ""
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        reason, advice = "it is not a file", f"remove it: rm {shlex.quote(str(path))}"
    elif found.st_uid not in {_ROOT, user}:
        reason = f"it belongs to {user_name(found.st_uid)}, not to root or {user_name(user)}"
        advice = "run labferry in another folder"
    elif found.st_mode & stat.S_IWOTH or (
        found.st_mode & stat.S_IWGRP and not is_private_group(found.st_gid, user)
    ):
        reason = "others than its owner may change it"
        advice = f"run: chmod go-w {shlex.quote(str(path))}"
    if reason:
        raise ConfigError(
            f"labferry does not use a configuration that somebody else may have written. {path} "
            f"is not safe: {reason}.",
            hint=f"If you trust it, name the file with --config; otherwise {advice}",
        )


def _absolute(path: Path, named_by: str) -> Path:
    try:
        return path.absolute()
    except OSError as error:
        raise ConfigError(
            f"The configuration file {path}, which {named_by} names, can't be found: the current "
            f"folder is gone ({error.strerror}).",
            hint="Change to a folder that is there, or name the file with its whole path.",
        ) from None


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:
        return None


def _user_folder(find: Callable[[str], Path]) -> Path | None:
    """One of the user's folders; None for a user without a home folder."""
    try:
        folder = find(_APPLICATION)
    except RuntimeError:
        return None
    # Older platformdirs leave `~` as it is.
    return folder if folder.is_absolute() else None


def _may_be_there(path: Path) -> bool:
    """False only if it certainly isn't: what can't be looked at is reported, not passed over."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
