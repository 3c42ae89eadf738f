"""The configuration file as it was read, and on which line each of its keys is set."""

import bisect
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labferry.config.find import ConfigPlace, find_config, open_config
from labferry.config.problems import InvalidConfigError, KeyPath, Problem, dotted
from labferry.sdk.errors import ConfigError
from labferry.sdk.settings import ConfigFile

SIZE_LIMIT = 1 << 20
"""The largest configuration file that is read, in bytes."""

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_STATEMENT_ENDS = ("]", "}", '"""', "'''")
_PLAIN_WORDS = {
    r"Cannot overwrite a value": "this key or table is set a second time",
    r"Cannot declare .* twice": "this table is declared a second time",
    r"Cannot mutate immutable namespace .*": "this adds to a table that was written inline",
    r"(Illegal|Found invalid) character '\\n'": "a string must end on the line it begins on",
}


class Document:
    """A configuration file that is TOML.

    Args:
        file: Where it is and who can read it.
        text: What it holds, with a line feed between lines.

    Attributes:
        file: Where it is and who can read it.
        data: What it says.

    Raises:
        InvalidConfigError: It is not TOML.
    """

    def __init__(self, file: ConfigFile, text: str) -> None:
        self.file = file
        self._lines = text.split("\n")
        self.data = self._parse(text)
        self._statements: list[tuple[int, int]] = []
        self._prefixes: dict[int, dict[str, Any]] = {}

    def problem(self, path: KeyPath, message: str, suggestion: str = "") -> Problem:
        """A mistake at a key, or at the table that misses the key."""
        return Problem(self.file.path, self.line_of(path), None, dotted(path), message, suggestion)

    def line_of(self, path: KeyPath) -> int:
        """The line, from 1 on, of the statement that first mentions a key.

        Where the key is missing it is that of the innermost table around it; 1 for the whole file.
        """
        while path and not holds(self.data, path):
            path = path[:-1]
        if not path:
            return 1
        self._statements = self._statements or list(self._find_statements())
        # What a beginning of the file says, a longer beginning says too: so it can be bisected.
        found = bisect.bisect_left(
            range(len(self._statements)), x=True, key=lambda n: holds(self._prefix(n), path)
        )
        return self._statements[found][0] + 1

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            message, line, column = _explain_syntax(str(error), self._lines)
        except (ValueError, RecursionError) as error:
            message = "this is nested too deeply or a number is too long to be read"
            line, column = self._first_failure(type(error)), 1
        raise InvalidConfigError([Problem(self.file.path, line, column, "", message)])

    def _first_failure(self, kind: type[Exception]) -> int:
        def fails(count: int) -> bool:
            try:
                tomllib.loads(self._text(0, count))
            except tomllib.TOMLDecodeError:
                return False
            except kind:
                return True
            return False

        return bisect.bisect_left(range(len(self._lines)), x=True, key=fails)

    def _text(self, start: int, end: int) -> str:
        return "\n".join(self._lines[start:end]) + "\n"

    def _prefix(self, statement: int) -> dict[str, Any]:
        end = self._statements[statement][1]
        if end not in self._prefixes:
            self._prefixes[end] = tomllib.loads(self._text(0, end))
        return self._prefixes[end]

    def _find_statements(self) -> Iterator[tuple[int, int]]:
        """Each statement's first line and the line after its last, counted from 0.

        A statement is the least number of whole lines that is TOML by itself.
        """
        start = 0
        while start < len(self._lines):
            end = start + 1
            while (content := self._parse_part(start, end)) is None:
                end += 1
            if content:
                yield start, end
            start = end

    def _parse_part(self, start: int, end: int) -> dict[str, Any] | None:
        last = self._lines[end - 1]
        if end > start + 1 and not any(mark in last for mark in _STATEMENT_ENDS):
            return None
        try:
            return tomllib.loads(self._text(start, end))
        except tomllib.TOMLDecodeError:
            return None


def read_document(path: Path | None) -> Document:
    """Read a configuration file.

    Args:
        path: The file; None for the one that `find_config` finds.

    Raises:
        InvalidConfigError: It is not UTF-8 or not TOML.
        ConfigError: It is not there, too large or can't be read, or was found where somebody else
            may have written it.
    """
    place = find_config(path)
    content, mode = _read(place)
    if len(content) > SIZE_LIMIT:
        raise ConfigError(
            f"The configuration file {place.path} is larger than {SIZE_LIMIT >> 20} MiB.",
            hint="Is it the right file?",
        )
    text = _decode(place.path, content).replace("\r\n", "\n")
    is_private = not mode & (stat.S_IRWXG | stat.S_IRWXO)
    return Document(ConfigFile(place.path, private=is_private), text)


def _read(place: ConfigPlace) -> tuple[bytes, int]:
    named = f", which {place.named_by} names," if place.named_by.startswith("$") else ""
    try:
        with os.fdopen(open_config(place), "rb") as file:
            return file.read(SIZE_LIMIT + 1), os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        raise ConfigError(
            f"There is no configuration file {place.path}{named.rstrip(',')}.",
            hint="`labferry init` writes one to begin with.",
        ) from None
    except OSError as error:
        reason = error.strerror
    raise ConfigError(
        f"The configuration file {place.path}{named} can't be read: {reason}.",
        hint="It must be a file that this user may read; --config names another.",
    )


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    message = "this byte is not UTF-8, the encoding that TOML files have"
    hint = "Save the file as UTF-8."
    raise InvalidConfigError([Problem(path, line, column, "", message, hint)])


def _explain_syntax(error: str, lines: list[str]) -> tuple[str, int, int]:
    match = _POSITION.search(error)
    words = _POSITION.sub("", error)
    plain = (text for known, text in _PLAIN_WORDS.items() if re.fullmatch(known, words))
    message = f"not valid TOML: {next(plain, words)}"
    if match and match[1]:
        return message, int(match[1]), int(match[2])
    last = max((n for n, line in enumerate(lines, 1) if line), default=1)
    return message, last, len(lines[last - 1]) + 1


def holds(value: Any, path: KeyPath) -> bool:  # noqa: ANN401 - anything that TOML can say
    """Whether there is something at a path inside a value."""
    for part in path:
        inside = (
            part in value
            if isinstance(value, dict)
            else isinstance(value, list) and isinstance(part, int) and part < len(value)
        )
        if not inside:
            return False
        value = value[part]
    return True
