"""What is wrong with a configuration file, in words for the person who wrote it."""

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labferry.sdk.errors import ConfigError

KeyPath = tuple[str | int, ...]
"""Where something is in a document: keys of tables and positions in lists."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. It never holds a value from the file, which may be a secret.

    Attributes:
        file: The configuration file.
        line: The line, from 1 on, at which the statement begins that sets the key.
        column: The column, from 1 on, where the file isn't TOML; else None.
        key: The path of the key, as TOML writes it; empty where the file as a whole is meant.
        message: What was expected.
        suggestion: What may have been meant, and what is known; sentences of their own.
    """

    file: Path
    line: int
    column: int | None
    key: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" + (f":{self.column}" if self.column else "")
        text = ": ".join(part for part in (place, self.key, self.message) if part)
        return f"{text}. {self.suggestion}".rstrip()


class InvalidConfigError(ConfigError):
    """The configuration file has mistakes.

    Args:
        problems: All of them; at least one, in any order.

    Attributes:
        problems: All of them, in the order of the file.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda found: (found.line, found.column or 0)))
        super().__init__("\n".join(map(str, self.problems)))


def dotted(path: KeyPath) -> str:
    """A key path as TOML writes it, with positions in lists in brackets: `a."b c".d[2]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _BARE_KEY.fullmatch(part) else json.dumps(part)
            text += f".{key}" if text else key
    return text


def suggest(word: str, known: Sequence[str], kind: str) -> str:
    """Sentences that name the nearest of the known words, and all of them.

    Args:
        word: What the file has; it is compared only, never repeated.
        known: What could stand there.
        kind: What the known words are, in the plural.
    """
    near = difflib.get_close_matches(word, known, n=1)
    guess = f'Did you mean "{near[0]}"? ' if near else ""
    return f"{guess}Known {kind}: {', '.join(known) or 'none'}."
