"""Secrets in the configuration: where they come from, and how they stay out of sight."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from labferry.sdk.errors import ConfigError
from labferry.sdk.files import read_small_file
from labferry.sdk.settings import ConfigFile, FilePath

__all__ = ["Secret", "redact", "redact_stored"]

_COMMAND_SECONDS = 30
_BLOT = "***"
_SHORT, _LONG = 8, 16
"""Characters: below the one a secret may stand in a word by chance, from the other on it is none
that stands anywhere as a name."""

_seen: set[str] = set()


def redact(text: str) -> str:
    """The text with every secret that this process has seen blotted out.

    A last line of defence for what people read: messages, log lines, reports. Data that a program
    reads again goes through `redact_stored` instead.

    Longest first, so that a secret which contains another one leaves nothing behind. A secret of
    fewer than 8 characters is blotted out only if it stands alone: inside of other words it is
    there by chance.
    """
    return _blot(text, _seen)


def redact_stored(value: Any) -> Any:  # noqa: ANN401 - any value that JSON can hold
    """A copy of data that is going to be stored, without the secrets that can only be secrets.

    What is stored is compared and read again later: a password `user` must not change the name of
    a series. So only what nobody chooses as a name is blotted out: 16 characters or more,
    letters and digits, as API keys and tokens are.
    """
    if isinstance(value, dict):
        return {key: redact_stored(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redact_stored(each) for each in value]
    # Not the words of an enumeration.
    return _blot(value, filter(_is_unmistakable, _seen)) if type(value) is str else value


def _blot(text: str, secrets: Iterable[str]) -> str:
    found = [secret for secret in secrets if secret in text]
    for secret in sorted(found, key=len, reverse=True):
        if len(secret) >= _SHORT:
            text = text.replace(secret, _BLOT)
        else:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", _BLOT, text)
    return text


def _is_unmistakable(secret: str) -> bool:
    has_both = any(map(str.isalpha, secret)) and any(map(str.isdigit, secret))
    return has_both and len(secret) >= _LONG


class _Reference(BaseModel):
    """The table forms; exactly one of the keys."""

    model_config = ConfigDict(
        defer_build=True, extra="forbid", hide_input_in_errors=True, frozen=True
    )

    env: Annotated[str, Field(min_length=1)] | None = None
    file: FilePath | None = None
    credential: Annotated[str, Field(min_length=1)] | None = None
    command: Annotated[list[str], Field(min_length=1)] | None = None


class Secret:
    """A value that must not be seen: `{ env = … }`, `{ file = … }` and so on, or plain text.

    The value is fetched once, when it is first revealed, and never shown by `repr`, `str`,
    pydantic errors or serialisation.
    """

    FORMS: ClassVar[str] = (
        '{ env = "NAME" }, { file = "PATH" }, { credential = "NAME" }, { command = ["PROGRAM", …] }'
    )

    def __init__(self, kind: str, reference: str | tuple[str, ...]) -> None:
        self._kind = kind
        self._reference = reference
        self._value: str | None = None

    @classmethod
    def plain(cls, value: str) -> Self:
        """A secret given as it is."""
        if value:
            _seen.add(value)
        return cls("plain", value)

    @property
    def is_plain(self) -> bool:
        """Whether the value itself stands in the configuration file."""
        return self._kind == "plain"

    @property
    def origin(self) -> str:
        """Where the value comes from, in words that may be shown."""
        if self._kind == "plain":
            return "plain text in the configuration"
        shown = self._reference if isinstance(self._reference, str) else self._reference[0]
        return f"{self._kind} {shown}"

    @property
    def file(self) -> Path | None:
        """The file that the value is read from, where it stands in one."""
        reference = self._reference
        return Path(reference) if self._kind == "file" and isinstance(reference, str) else None

    def reveal(self) -> str:
        """The value itself. Keep it in one place and out of every message.

        Raises:
            ConfigError: The value can't be fetched, or is empty.
        """
        if self._value is None:
            value = self._fetch()
            if not value:
                raise ConfigError(f"The secret from {self.origin} is empty.")
            _seen.add(value)
            self._value = value
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.origin})"

    def _fetch(self) -> str:
        reference = self._reference
        if isinstance(reference, tuple):
            return _from_command(reference)
        if self._kind == "env":
            return _from_environment(reference)
        if self._kind == "file":
            return _from_file(Path(reference))
        if self._kind == "credential":
            return _from_credential(reference)
        return reference

    @classmethod
    def _validate(cls, value: object, info: ValidationInfo) -> "Secret":
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls._plain_in(ConfigFile.of(info), value)
        given = (
            _Reference.model_validate(value, context=info.context).model_dump(exclude_none=True)
            if isinstance(value, dict)
            else {}
        )
        if len(given) != 1:
            raise ValueError(f"one of {cls.FORMS} or a string")
        (kind, reference), *_ = given.items()
        return cls(kind, tuple(reference) if isinstance(reference, list) else str(reference))

    @classmethod
    def _plain_in(cls, file: ConfigFile | None, value: str) -> Self:
        secret = cls.plain(value)
        if file is None or file.private:
            return secret
        raise ValueError(
            f"one of {cls.FORMS}; plain text is allowed only in a file that its owner alone can "
            f"read, as after: chmod 600 {shlex.quote(str(file.path))}"
        )

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        text = {"type": "string"}
        name = {**text, "minLength": 1}
        forms: dict[str, JsonSchemaValue] = {
            "env": {**name, "description": "The name of an environment variable."},
            "file": {**name, "description": "A file; one trailing newline is dropped."},
            "credential": {**name, "description": "A systemd credential (LoadCredential=)."},
            "command": {
                "type": "array",
                "items": text,
                "minItems": 1,
                "description": "A program and its arguments; its output is the secret.",
            },
        }
        tables = [
            {
                "type": "object",
                "properties": {key: form},
                "required": [key],
                "additionalProperties": False,
            }
            for key, form in forms.items()
        ]
        plain = {**text, "description": "Plain text; only in a file that others can't read."}
        return {"oneOf": [*tables, plain]}


def _from_environment(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise ConfigError(
            f"The environment variable {name} is not set.",
            hint="Set it for the process that runs labferry, or use another form of secret.",
        ) from None


def _from_file(path: Path) -> str:
    try:
        text = read_small_file(path).decode().replace("\r\n", "\n").replace("\r", "\n")
        return text.removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"The secret file {path} can't be read: {reason}.") from None


def _from_credential(name: str) -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise ConfigError(
            f"There is no systemd credential {name}: $CREDENTIALS_DIRECTORY is not set.",
            hint=f"Put LoadCredential={name}:PATH into the service unit.",
        )
    if "/" in name or "\0" in name or name in {".", ".."}:
        raise ConfigError(f"{name!r} is no name of a systemd credential: it is a plain file name.")
    return _from_file(Path(folder) / name)


def _from_command(command: tuple[str, ...]) -> str:
    program = command[0]
    try:
        done = subprocess.run(  # noqa: S603 - the administrator's own command, without a shell
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_SECONDS,
        )
        return done.stdout.decode().removesuffix("\n").removesuffix("\r")
    except subprocess.CalledProcessError as error:
        reason = f"it ended with exit code {error.returncode}"
    except subprocess.TimeoutExpired:
        reason = f"it took longer than {_COMMAND_SECONDS} s"
    except UnicodeDecodeError:
        reason = "its output is not UTF-8 text"
    except OSError as error:
        reason = f"it can't be started: {error.strerror}"
    except ValueError:
        reason = "an argument holds a NUL character"
    raise ConfigError(f"The secret command {program} failed: {reason}.")
