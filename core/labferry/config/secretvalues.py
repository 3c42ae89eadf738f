"""The secrets in a configuration: which are plain text, where files are, and fetching them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from labferry.config.model import Config, ObserverConfig, SinkConfig, SourceConfig
from labferry.config.problems import InvalidConfigError, KeyPath
from labferry.sdk.errors import ConfigError
from labferry.sdk.secrets import Secret
from labferry.sdk.settings import PrivatePath


def resolve_secrets(config: Config) -> None:
    """Fetch every secret that the configuration refers to.

    Raises:
        InvalidConfigError: Some can't be fetched; all of them are named.
    """
    problems = []
    for path, secret in secrets_in(config):
        try:
            secret.reveal()
        except ConfigError as error:
            message = error.message.rstrip(".")
            problems.append(config.document.problem(path, message, error.hint))
    if problems:
        raise InvalidConfigError(problems)


def can_fetch(observer: ObserverConfig) -> bool:
    """Fetch the secrets of one observer, if possible."""
    try:
        for _, value in _walk(observer.settings, ()):
            if isinstance(value, Secret):
                value.reveal()
    except ConfigError:
        return False
    return True


def plain_secret_warnings(config: Config) -> Iterator[str]:
    """One sentence for each secret that stands in the file itself."""
    for path, secret in secrets_in(config):
        if secret.is_plain:
            yield str(
                config.document.problem(
                    path, "this secret is plain text", f"Better refer to it: {Secret.FORMS}."
                )
            )


def secrets_in(config: Config) -> Iterator[tuple[KeyPath, Secret]]:
    """Every secret of the sources, destinations and observers, with where it stands."""
    for path, value in _values(config):
        if isinstance(value, Secret):
            yield path, value


def private_files_in(config: Config) -> Iterator[tuple[KeyPath, Path]]:
    """Every file that the configuration has a secret from, with where it is named."""
    for path, value in _values(config):
        file = value.file if isinstance(value, Secret) else value
        if file is not None:
            yield path, file


def _values(config: Config) -> Iterator[tuple[KeyPath, Secret | PrivatePath]]:
    sections: tuple[tuple[str, Iterable[SourceConfig | SinkConfig | ObserverConfig]], ...] = (
        ("sources", config.sources.values()),
        ("destinations", config.destinations.values()),
        ("observers", config.observers.values()),
    )
    for section, members in sections:
        for member in members:
            yield from _walk(member.settings, (section, member.name))


def _walk(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, Secret | PrivatePath]]:
    if isinstance(value, Secret | PrivatePath):
        yield path, value
        return
    for part, inner in _parts(value):
        yield from _walk(inner, (*path, part))


def _parts(value: object) -> Iterable[tuple[str | int, object]]:
    if isinstance(value, BaseModel):
        return [(_key(type(value), name), inner) for name, inner in value]
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, list | tuple | set | frozenset):
        return enumerate(value)
    return ()


def _key(model: type[BaseModel], name: str) -> str:
    alias = model.model_fields[name].validation_alias if name in model.model_fields else None
    return alias if isinstance(alias, str) else name
