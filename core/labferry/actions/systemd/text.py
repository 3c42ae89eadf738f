"""The systemd units of a configuration, made from the templates in `units/`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from labferry.config import Config, secrets_in
from labferry.sdk import ConfigError

SERVICE = "labferry.service"
TIMER = "labferry.timer"
SERVICE_USER = "labferry"
"""Who the service runs as where root sets it up."""

_HOMES = tuple(map(Path, ("/home", "/root", "/run/user")))
_STATE = "StateDirectory=labferry\nStateDirectoryMode=0700"
_WRITABLE = "# What labferry writes to. Everything else is read-only."


@dataclass(frozen=True, slots=True)
class UnitContext:
    """What a service needs to know that the configuration does not say.

    Attributes:
        program: The program to start, with the arguments that come before the verb.
        user: Who it runs as.
    """

    program: tuple[str, ...]
    user: str


def service_unit(config: Config, context: UnitContext) -> str:
    """The service that runs `labferry sync` with a configuration.

    Directives: systemd.exec(5), systemd.service(5); quoting: systemd.syntax(7).

    Args:
        config: The configuration.
        context: What it does not say.

    Raises:
        ConfigError: A path has characters that a unit can't have.
    """
    writable = [_value(f"-{path}") for path in dict.fromkeys(written_folders(config))]
    values = {
        "PROGRAM": _command(context.program),
        "CONFIG": _argument(str(config.path)),
        "USER": context.user,
        "STATE": "" if _setting(config, "state_dir") else _STATE,
        "CREDENTIALS": "\n".join(_credentials(config)),
        "WRITABLE": f"{_WRITABLE}\nReadWritePaths={' '.join(writable)}" if writable else "",
        "HOME": "read-only" if _needs_home(config, context) else "yes",
    }
    lines = _template(SERVICE).splitlines(keepends=True)
    return "".join(filled for line in lines if (filled := _fill(line, values)) is not None)


def timer_unit() -> str:
    """The timer that starts the service every night."""
    return _template(TIMER)


def _template(name: str) -> str:
    return resources.files(__package__).joinpath("units", name).read_text(encoding="utf-8")


def _fill(line: str, values: dict[str, str]) -> str | None:
    """A line with its values; None for one that only stands for nothing."""
    filled = re.sub(r"@([A-Z]+)@", lambda match: values[match[1]], line)
    return None if filled == "\n" != line else filled


def _credentials(config: Config) -> Iterator[str]:
    folder = config.path.parent / "credentials"
    origins = (secret.origin.partition(" ") for _, secret in secrets_in(config))
    for name in dict.fromkeys(name for kind, _, name in origins if kind == "credential"):
        yield f"LoadCredential={_plain(name)}:{_plain(str(folder / name))}"


def written_folders(config: Config) -> Iterator[Path]:
    """The folders that a run writes to, apart from the one that systemd makes.

    Args:
        config: The configuration.
    """
    for key in ("state_dir", "spool_dir"):
        if _setting(config, key):
            yield getattr(config, key)
    for sink in config.destinations.values():
        yield from _local_folders(sink.settings)
    for observer in config.observers.values():
        yield from (path.parent for path in _local_folders(observer.settings))


def _local_folders(settings: object) -> Iterator[Path]:
    """Where a plugin's settings say that it writes."""
    path = getattr(settings, "path", None)
    if isinstance(path, Path):
        yield path


def _setting(config: Config, key: str) -> bool:
    return config.document.data.get(key) is not None


def _needs_home(config: Config, context: UnitContext) -> bool:
    """Whether anything is in somebody's home, which the service must then be able to read."""
    used = [Path(context.program[0]), config.path, *written_folders(config), *_read(config)]
    is_within = any(path.is_relative_to(home) for path in used for home in _HOMES)
    return is_within or context.user != SERVICE_USER


def _read(config: Config) -> Iterator[Path]:
    """The files that the settings name: certificates, keys, secrets."""
    settings = [
        *(source.settings for source in config.sources.values()),
        *(sink.settings for sink in config.destinations.values()),
    ]
    for each in settings:
        yield from (value for _, value in each if isinstance(value, Path))
    origins = (secret.origin.partition(" ") for _, secret in secrets_in(config))
    yield from (Path(path) for kind, _, path in origins if kind == "file")


def _command(words: tuple[str, ...]) -> str:
    """A program, in whose path systemd looks for no variables, and its arguments."""
    program, *arguments = words
    if set(program) & set("\"'\\"):
        raise ConfigError(
            f"systemd can't start {program}: there is a quote or a backslash in its path.",
            hint="Install labferry in another folder.",
        )
    return " ".join([_value(program), *map(_argument, arguments)])


def _argument(text: str) -> str:
    """One argument of a command line, in which `$` would begin a variable."""
    return _value(text).replace("$", "$$")


def _value(text: str) -> str:
    """One word of a list of words."""
    plain = _plain(text)
    if not re.search(r"""[\s"'\\;]""", plain):
        return plain
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(text: str) -> str:
    """Text in which `%` would begin a specifier."""
    if not text.isprintable():
        raise ConfigError(
            f"{text!r} can't be part of a systemd unit: it has characters that can't be printed.",
            hint="Rename it.",
        )
    return text.replace("%", "%%")
