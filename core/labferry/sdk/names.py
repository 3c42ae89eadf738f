"""Whose work an export holds, by the names that the server gives."""

from dataclasses import dataclass, fields

from labferry.sdk.quoting import one_line

__all__ = ["Names"]

_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Names:
    """Whose work an export holds, by the names that the server gives.

    A source passes on what it got. Each name is made one line of at most 255 characters, without
    control characters; what is empty then, or is no text, is None.

    Attributes:
        username: The name that the person logs in with.
        full_name: The name that people call the person by.
        group_name: The name of the group.
    """

    username: str | None = None
    full_name: str | None = None
    group_name: str | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            object.__setattr__(self, each.name, _clean(getattr(self, each.name)))

    def __bool__(self) -> bool:
        """Whether any name is known."""
        return any((self.username, self.full_name, self.group_name))

    def __str__(self) -> str:
        """For people: `Alice Archer (alice), Smith Lab`; empty if no name is known."""
        person = self.full_name or self.username
        if person and self.username and self.username != person:
            person = f"{person} ({self.username})"
        return ", ".join(filter(None, (person, self.group_name)))


def _clean(name: object) -> str | None:
    text = one_line(name[: 10 * _LONGEST]) if isinstance(name, str) else ""
    return (text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…") or None
