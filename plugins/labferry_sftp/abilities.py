"""What was found out about a server."""

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Abilities:
    """What a server can do, as far as it was asked; kept when its connection is made anew.

    Attributes:
        hashing: How it computes SHA-256 itself; `none` if it can't, None if it was not asked.
        syncs: Whether it forces files to its disk; None if it was not asked.
        creates: Whether it opens a file on the condition that it is new (SSH_FXF_EXCL).
        reads_along: Whether it lets a file be read while it is written.
    """

    hashing: Literal["sha256sum", "check-file", "none"] | None = None
    syncs: bool | None = None
    creates: bool = True
    reads_along: bool = True
