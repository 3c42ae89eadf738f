"""What people are called."""

from collections.abc import Mapping


def full_name(user: Mapping[str, object]) -> str | None:
    """The first and the last name of a user, as the server describes one; None if it has none."""
    names = (user.get("firstName"), user.get("lastName"))
    return " ".join(name for name in names if isinstance(name, str)) or None
