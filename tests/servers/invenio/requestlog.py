"""What arrived, for tests to assert on."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass
class RecordedRequest:
    """One request; ``status`` is None until it is answered, 0 for a dropped connection.

    Attributes:
        at: Seconds on the server's clock.
        kind: What fault plans call it: ``create``, ``upload``, ``publish`` ...
        path: As it was sent, percent-encoded.
        headers: Names in lower case.
        body_size: Bytes of the body that arrived.
        user: Whose token came along, if anybody's.
    """

    at: float
    kind: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body_size: int = 0
    user: str | None = None
    status: int | None = None

    def carries(self, secret: str) -> bool:
        """Whether a secret is anywhere in the request's line or headers."""
        return any(secret in text for text in (self.path, self.query, *self.headers.values()))
