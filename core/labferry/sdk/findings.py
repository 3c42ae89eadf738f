"""What a preflight check reports."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Severity"]


class Severity(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found out.

    Attributes:
        severity: How much it matters.
        message: What was found, in one sentence, and what to do about it.
    """

    severity: Severity
    message: str
