"""An export as the server lists it, written from eLabFTW's Exports.php and State.php."""

import re
from dataclasses import dataclass
from typing import Any

from labferry.sdk import JobState, JobStatus, Offer
from labferry.sdk.quoting import quote
from labferry_elabftw.address import Address
from labferry_elabftw.order import SWITCHES, Order

MOST = 6
"""Exports that a user may have on the server, whatever their state, and whoever asked for them."""

_READY, _PENDING, _PROCESSING, _ERROR = 1, 4, 5, 6
_STATES = {
    _READY: JobState.COMPLETED,
    _PENDING: JobState.RUNNING,
    _PROCESSING: JobState.RUNNING,
    _ERROR: JobState.FAILED,
}
_SHA256 = re.compile("[0-9a-f]{64}", re.ASCII)
_FORMAT = re.compile("[a-z]{1,16}", re.ASCII)
_MOST_BYTES = 1 << 62


@dataclass(frozen=True, slots=True)
class Row:
    """An export of a user.

    Attributes:
        number: Its id.
        state: What the server says of it.
        format: Its format.
        switches: What was switched on.
        error: The server's words on why it failed.
        size: The size of the file in bytes, if the server knows.
        sha256: The SHA-256 of the file, if the server could compute it.
    """

    number: int
    state: JobState
    format: str
    switches: frozenset[str]
    error: str
    size: int | None
    sha256: str | None

    @classmethod
    def of(cls, value: object) -> "Row | None":
        """The export that a JSON value is; None if it is something else."""
        if not isinstance(value, dict):
            return None
        number, state, form = value.get("id"), value.get("state"), value.get("format")
        if type(number) is not int or number <= 0 or type(state) is not int:
            return None
        if not isinstance(form, str) or not _FORMAT.fullmatch(form):
            return None
        return cls(
            number,
            _STATES.get(state, JobState.BROKEN),
            form,
            frozenset(name for name in SWITCHES if value.get(name) == 1),
            quote(value.get("error")),
            _size(value.get("filesize")),
            _sha256(value),
        )

    def fits(self, order: Order) -> bool:
        """Whether that is what was asked for."""
        return (self.format, self.switches) == (order.format, order.switches)

    def status(self, address: Address, *, ours: bool = True) -> JobStatus:
        """The same as the core sees it. Its fields hold only once the state says so."""
        link = address.job(str(self.number))
        offer = None
        if self.state is JobState.COMPLETED:
            offer = Offer(link, self.size, suffix=f".{self.format}", sha256=self.sha256)
        return JobStatus(
            str(self.number), link, self.state, reason=self.error, offer=offer, ours=ours
        )

    def __str__(self) -> str:
        words = {JobState.COMPLETED: "ready", JobState.FAILED: "failed"}
        return f"{self.number} ({self.format}, {words.get(self.state, 'not finished')})"


def _size(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_BYTES else None


def _sha256(row: dict[str, Any]) -> str | None:
    """Instead of a hash, there may be a text that says that it could not be computed."""
    text = row.get("hash")
    if row.get("hash_algo") != "sha256" or not isinstance(text, str):
        return None
    text = text.strip().lower()
    return text if _SHA256.fullmatch(text) else None
