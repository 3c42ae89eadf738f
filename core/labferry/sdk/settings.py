"""Base classes and field types for what plugins read from the configuration file."""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PosixPath
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic import JsonValue as JsonValue  # noqa: PLC0414 - part of the SDK

from labferry.sdk.described import Described
from labferry.sdk.errors import ConfigError

__all__ = [
    "ConfigFile",
    "Duration",
    "FilePath",
    "JsonValue",
    "PrivateFilePath",
    "PrivatePath",
    "Settings",
    "SourceSettings",
    "format_duration",
    "home_file",
    "parse_duration",
]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The file that settings are read from: the context of their validation.

    Attributes:
        path: Where it is, absolute.
        private: Whether its owner alone can read it, so that plain secrets may stand in it.
    """

    path: Path
    private: bool

    @classmethod
    def of(cls, info: ValidationInfo) -> "ConfigFile | None":
        """The file of a validation under way; None where settings don't come from a file."""
        return info.context if isinstance(info.context, cls) else None


_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_EXACT_UNITS = ("d", "h", "m", "s", "ms")
_DURATION_EXPECTED = 'a number and a unit, such as "90s", "15m", "26h" or "30d"'
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")


def parse_duration(text: str) -> timedelta:
    """Read a duration as people write it: `"90s"`, `"26h"`, `"1.5 d"`.

    Raises:
        ValueError: It is not a number and one of the units ms, s, m (min), h, d, w, or too long.
    """
    match = _DURATION.fullmatch(text)
    unit = _UNITS.get(match[2]) if match else None
    if match is None or unit is None:
        raise ValueError(_DURATION_EXPECTED)
    try:
        return float(match[1]) * unit
    except OverflowError:
        raise ValueError("a shorter time") from None


def format_duration(length: timedelta) -> str:
    """A duration as `parse_duration` reads it, in the largest unit that needs no fraction."""
    for unit in _EXACT_UNITS:
        if length and length % _UNITS[unit] == timedelta():
            return f"{length // _UNITS[unit]}{unit}"
    return f"{length.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(_DURATION_EXPECTED)  # noqa: TRY004 - pydantic collects ValueError only
    return parse_duration(value)


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|m|min|h|d|w)\s*$"}),
]
"""A length of time, written with its unit: `"90s"`, `"26h"`, `"30d"`."""


def _check_path(value: object) -> object:
    if isinstance(value, str) and (not value or "\0" in value):
        raise ValueError("a path")
    return value


def home_file(path: str, key: str) -> Path:
    """A file in the user's home folder, where a setting names no other.

    Args:
        path: The file: `~/.ssh/known_hosts`.
        key: The setting that names another one.

    Raises:
        ConfigError: The user has no home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(
            f"{path} can't be found: $HOME is not set, and the user {os.geteuid()} has no home "
            "folder.",
            hint=f"Set $HOME, or name the file with `{key}`.",
        ) from None


def _locate(value: Path, info: ValidationInfo) -> Path:
    try:
        path = value.expanduser()
    except RuntimeError:
        raise ValueError("a path whose home folder is known here") from None
    file = ConfigFile.of(info)
    return file.path.parent / path if file else path


FilePath = Annotated[
    Path,
    BeforeValidator(_check_path),
    AfterValidator(_locate),
    WithJsonSchema({"type": "string", "format": "path", "minLength": 1}),
]
"""A path on this machine; `~` is the home folder.

In a configuration file, a relative path begins at the folder that the file is in.
"""


class PrivatePath(PosixPath):
    """The path of a file that nobody but its owner should be able to read."""


def _private(path: Path) -> Path:
    return PrivatePath(path)


PrivateFilePath = Annotated[FilePath, AfterValidator(_private)]
"""The path of a file that holds a secret: `labferry check` warns where others can read it."""


class Settings(Described):
    """What one table of the configuration file holds; an unknown key is a mistake.

    Every field has a description: `labferry schema` shows it in editors. In a configuration file
    types are taken strictly: a quoted number is no number.

    A validator raises ValueError with what was expected, to be read after the word "expected"
    (`"a number and a unit"`), or with a whole sentence that begins with a capital letter. It
    does not repeat the value, which may be a secret in the wrong place.
    """

    model_config = ConfigDict(extra="forbid")


class SourceSettings(Settings):
    """The keys that every source has."""

    type: str
    """The kind of source, named as its plugin names it."""

    skip_unchanged: bool = False
    """Whether to skip storing an archive if its content equals that of the last one stored."""

    skip_idle: bool = False
    """Whether to skip an export if the server can tell that nothing changed since the last one."""

    require_digest: bool = False
    """Whether to refuse an archive if the server declares no checksum of it. If not, labferry
    stores it, and says how well it could be checked."""

    suspicious_below: Annotated[float, Field(ge=0, le=1)] = 0.5
    """If an archive has less than this share of the members of the last one, labferry stores it,
    reports it, and ends the run with exit code 3. 0 turns this off."""
