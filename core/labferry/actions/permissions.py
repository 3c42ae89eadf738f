"""Who else can get at the configuration and at what labferry keeps on this machine."""

import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from labferry.config import Config
from labferry.sdk import Finding, Severity

__all__ = ["check_permissions"]

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_permissions(config: Config) -> Iterator[tuple[str, Finding]]:
    """A warning, with its subject, for each file and folder that others can use in a bad way.

    Args:
        config: The configuration.
    """
    if _mode(config.path) & _OTHERS_WRITE:
        yield (
            "configuration",
            _warning(
                f"{config.path} can be changed by others than its owner, who can so have any "
                "program run and the archives sent anywhere.",
                f"chmod go-w {shlex.quote(str(config.path))}",
            ),
        )
    folders = {"state folder": config.state_dir, "spool folder": config.spool_dir}
    for subject, folder in folders.items():
        if folder.is_dir() and _mode(folder) & _OTHERS:
            yield (
                subject,
                _warning(
                    f"{folder} is open to others than its owner.",
                    f"chmod go= {shlex.quote(str(folder))}",
                ),
            )


def _warning(message: str, command: str) -> Finding:
    return Finding(Severity.WARNING, f"{message} Better: {command}")


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        # What can't be looked at is told of by whoever uses it.
        return 0
