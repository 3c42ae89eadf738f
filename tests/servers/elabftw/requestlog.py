"""What arrived, for tests to assert on."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass
class RecordedRequest:
    """One request; ``status`` is None until it is answered, 0 for a dropped connection.

    Attributes:
        kind: What fault plans call it: ``submit``, ``job``, ``download`` ...
        headers: Names in lower case.
        user: Whose key came along, if anybody's.
    """

    kind: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    user: int | None = None
    status: int | None = None

    def carries(self, secret: str) -> bool:
        """Whether a secret is in the request's line, or in a header where it has no business."""
        others = [text for name, text in self.headers.items() if name != "authorization"]
        return any(secret in text for text in (self.path, self.query, *others))
