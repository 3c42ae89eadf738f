"""`labferry init --systemd`: a service and a timer for the user's own configuration."""

import os
import pwd
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labferry.actions.session import kinds
from labferry.actions.systemd.text import (
    SERVICE,
    SERVICE_USER,
    TIMER,
    UnitContext,
    service_unit,
    timer_unit,
    written_folders,
)
from labferry.config import Config, dotted, load_config, secrets_in
from labferry.plugins import load_plugins
from labferry.sdk import ConfigError


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        files: The service and the timer, absolute.
        notes: What is still to be done for the service to work, a sentence each.
    """

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def write_units(folder: Path, config_path: Path | None) -> Written:
    """Write the units into a folder. No secret is fetched.

    Args:
        folder: Where to; it must be there.
        config_path: The configuration, where one was named.

    Raises:
        ConfigError: A unit is there already, can't be written, or the configuration has mistakes.
    """
    config = load_config(config_path, kinds(load_plugins()))
    context = UnitContext(_program(), _user())
    texts = {SERVICE: service_unit(config, context), TIMER: timer_unit()}
    files = {folder.absolute() / name: text for name, text in texts.items()}
    for path in files:
        if path.exists() or path.is_symlink():
            raise ConfigError(
                f"{path} exists already, and nothing was written.", hint="Name another folder."
            )
    for path, text in files.items():
        _write(path, text)
    return Written(tuple(files), tuple(_notes(config, context)))


def _program() -> tuple[str, ...]:
    """How to start the program that runs now: links are kept, they outlive an upgrade."""
    started = Path(sys.argv[0]).absolute()
    if started.name == "labferry" and os.access(started, os.X_OK) and started.is_file():
        return (str(started),)
    return (sys.executable, "-m", "labferry")


def _user() -> str:
    """Who the service runs as: nobody needs to be root for a backup."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name if number else SERVICE_USER
    except KeyError:
        return str(number)


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(
            f"{path} can't be written: {error.strerror}.",
            hint="Name a folder that exists and that you may write to.",
        ) from error


def _notes(config: Config, context: UnitContext) -> Iterator[str]:
    if context.user == SERVICE_USER:
        try:
            pwd.getpwnam(SERVICE_USER)
        except KeyError:
            yield f"Make the user that it runs as: useradd --system {SERVICE_USER}"
    for folder in dict.fromkeys(written_folders(config)):
        if not folder.is_dir():
            yield f"Make the folder {folder}, and let {context.user} write to it."
    for path, secret in secrets_in(config):
        kind, _, name = secret.origin.partition(" ")
        if kind == "credential":
            where = config.path.parent / "credentials" / name
            yield f"Put the secret {dotted(path)} into {where}; only root needs to read it."
        elif kind == "file" and context.user == SERVICE_USER:
            yield f"Let {SERVICE_USER} read the secret {dotted(path)}: {name}"
        elif kind == "env":
            yield (
                f"{dotted(path)} is read from ${name}, which a service does not have: "
                f'better write {{ credential = "{name.lower().replace("_", "-")}" }}.'
            )
