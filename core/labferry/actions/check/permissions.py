"""Who else can get at the configuration, its secrets, and what labferry keeps on this machine."""

import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from labferry.config import Config, dotted, private_files_in
from labferry.sdk import Finding, Severity

_ROOT = 0
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_permissions(config: Config) -> Iterator[tuple[str, Finding]]:
    """A warning, with its subject, for each file and folder that others can use in a bad way.

    Args:
        config: The configuration.
    """
    for finding in _of_the_configuration(config.path):
        yield "configuration", finding
    files: dict[Path, list[str]] = {}
    for key, file in private_files_in(config):
        files.setdefault(file, []).append(dotted(key))
    for file, keys in files.items():
        if _is_open(file):
            message = f"Users other than its owner can use {file}, which holds {', '.join(keys)}."
            yield "secrets", _warning(message, f"chmod go= {_quoted(file)}")
    folders = {"state folder": config.state_dir, "spool folder": config.spool_dir}
    for subject, folder in folders.items():
        if folder.is_dir() and _stat(folder).st_mode & _OTHERS:
            message = f"Users other than its owner can use {folder}."
            yield subject, _warning(message, f"chmod go= {_quoted(folder)}")


def _of_the_configuration(path: Path) -> Iterator[Finding]:
    found = _stat(path)
    if found.st_mode & _OTHERS_WRITE:
        yield _warning(
            f"Users other than its owner can change {path}. So they can run any program as "
            "labferry and send the archives anywhere.",
            f"chmod go-w {_quoted(path)}",
        )
    if found.st_uid not in {_ROOT, os.geteuid()}:
        yield _warning(
            f"{path} belongs to {_name(found.st_uid)}. So {_name(found.st_uid)} can run any "
            f"program as {_name(os.geteuid())} and send the archives anywhere.",
            f"chown {_name(os.geteuid())} {_quoted(path)}",
        )


def _is_open(file: Path) -> bool:
    """Whether others than its owner and labferry can use a file.

    Of a file of root's, anybody else has its group to thank for being able to read it.
    """
    found = _stat(file)
    needed = stat.S_IRGRP if found.st_uid == _ROOT != os.geteuid() else 0
    return bool(found.st_mode & _OTHERS & ~needed)


def _warning(message: str, command: str) -> Finding:
    return Finding(Severity.WARNING, f"{message} Better: {command}")


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError:
        # Whoever uses what can't be looked at reports it.
        return os.stat_result((0,) * 10)
