"""Which stored archives a retention keeps, and why. Pure: no I/O and no clock."""

from labferry.retention.policy import Decision, decide
from labferry.retention.protection import Condition, keep_anyway, last_good
from labferry.retention.series import Series, moment_of, series_of

__all__ = [
    "Condition",
    "Decision",
    "Series",
    "decide",
    "keep_anyway",
    "last_good",
    "moment_of",
    "series_of",
]
