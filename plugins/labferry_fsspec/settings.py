"""The configuration of a destination of type `fsspec`."""

import re
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    TypeAdapter,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from labferry.sdk import InvalidAnswerError, Secret, SinkSettings, check_key
from labferry_fsspec.drivers import require_driver, require_suitable

_FORMS = {"env", "file", "credential", "command"}
_SECRET_NAME = re.compile(r"pass|secret|token|credential|api_?key|account_key|sas", re.IGNORECASE)


def _is_reference(value: object) -> bool:
    return isinstance(value, dict) and len(value) == 1 and set(value) <= _FORMS


def _with_secrets(value: object, name: str = "") -> object:
    if _is_reference(value) or (isinstance(value, str) and _SECRET_NAME.search(name)):
        return TypeAdapter(Secret).validate_python(value)
    if isinstance(value, dict):
        return {key: _with_secrets(each, str(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_secrets(each, name) for each in value]
    return value


def revealed(value: object) -> Any:  # noqa: ANN401 - whatever a driver takes
    """Options as a driver takes them, secrets and all. Keep them out of every message."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, dict):
        return {key: revealed(each) for key, each in value.items()}
    return [revealed(each) for each in value] if isinstance(value, list) else value


def _shown(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shown(each) for each in value]
    return repr(value) if isinstance(value, Secret) else value


Options = Annotated[
    dict[str, Any],
    BeforeValidator(_with_secrets),
    PlainSerializer(_shown),
    WithJsonSchema({"type": "object"}),
]


class FsspecSettings(SinkSettings):
    """The keys of a destination of type `fsspec`."""

    url: str
    """The filesystem and the folder in it, as fsspec writes it: `ftp://host/backup`. Without a
    password: put that into `options`."""

    options: Options = Field(default_factory=dict)
    """Further options for the driver, under its own names. A value may be a secret's table, as in
    `{ password = { env = "FTP_PASSWORD" } }`, also deeper inside."""

    prefix: str = ""
    """A folder below the URL's, such as `rspace/`."""

    @field_validator("url")
    @classmethod
    def _usable(cls, url: str) -> str:
        if not re.match(r"[a-z][a-z0-9+.-]*(::|://)", url):
            raise ValueError(
                'a URL such as "ftp://host/folder"; for a folder of this machine, use type = '
                '"local" with its path'
            )
        if any(urlsplit(part).password for part in url.split("::")):
            raise ValueError("a URL without a password; put it into options = { password = … }")
        require_suitable(url)
        require_driver(url)
        return url

    @model_validator(mode="after")
    def _is_elsewhere(self) -> Self:
        target = self.options.get("target_protocol")
        require_suitable("", target if isinstance(target, str) else "")
        return self

    @model_validator(mode="after")
    def _knows_its_host(self) -> Self:
        over_ssh = self.url.partition("://")[0] in {"sftp", "ssh"}
        if over_ssh and not isinstance(self.options.get("known_hosts") or None, str):
            raise ValueError(
                "Without `known_hosts` in options, the driver trusts any server that answers. Give "
                'the path of such a file, or better use type = "sftp".'
            )
        return self

    @field_validator("prefix")
    @classmethod
    def _safe(cls, prefix: str) -> str:
        plain = prefix.strip("/")
        if plain:
            try:
                check_key(plain)
            except InvalidAnswerError:
                raise ValueError("a folder's name of letters, digits, '.', '_' and '-'") from None
        return plain
