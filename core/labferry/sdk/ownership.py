"""Who else than this user and root can change a file or a folder."""

import grp
import os
import pwd
import shlex
import stat
from pathlib import Path

from labferry.sdk.errors import StateError

__all__ = ["foreign_owner", "is_private_group", "require_own_folder", "user_name"]

_ROOT = 0


def require_own_folder(path: Path, found: os.stat_result, what: str, key: str) -> None:
    """Make sure that nobody else can exchange what is in a folder.

    Args:
        path: The folder.
        found: What it is.
        what: What it is called in messages.
        key: The setting that names it.

    Raises:
        StateError: It belongs to another user, or others can write it.
    """
    user = os.geteuid()
    if found.st_uid not in {_ROOT, user}:
        owner = user_name(found.st_uid)
        raise StateError(
            f"{what} {path} can't be used: it belongs to {owner}, not to {user_name(user)}, so "
            "files in it may be exchanged at any time.",
            hint=f"Run labferry as {owner}, or set {key} to a folder of {user_name(user)}.",
        )
    if found.st_mode & stat.S_IWOTH or (
        found.st_mode & stat.S_IWGRP and not is_private_group(found.st_gid, user)
    ):
        raise StateError(
            f"{what} {path} can't be used: others than its owner can write it, and so exchange "
            "files in it at any time.",
            hint=f"Run: chmod go-w {shlex.quote(str(path))}",
        )


def is_private_group(group: int, user: int) -> bool:
    """Whether a group gives nobody else any rights.

    Many systems make a group for each user, named alike. In containers, a group often has no
    name, or is that of root.

    Args:
        group: The group's number.
        user: The user's number.
    """
    try:
        found = grp.getgrgid(group)
    except KeyError:
        return group in {os.getegid(), *os.getgroups()}
    name = user_name(user)
    is_own = group == _ROOT or found.gr_name == name
    return is_own and {*found.gr_mem} <= {name, user_name(_ROOT)}


def foreign_owner(path: Path) -> str:
    """The name of the other user that a file belongs to; empty if it is this user's, or no file."""
    try:
        found = path.lstat()
    except OSError:
        return ""
    is_other = stat.S_ISREG(found.st_mode) and found.st_uid != os.geteuid()
    return user_name(found.st_uid) if is_other else ""


def user_name(user: int) -> str:
    """The name of a user, or the number if it has none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
