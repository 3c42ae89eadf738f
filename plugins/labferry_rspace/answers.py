"""An HTTP answer that was read whole, and the words of RSpace's ApiError in it."""

from collections.abc import Iterator
from dataclasses import dataclass

from labferry.sdk.http import Answer as HttpAnswer
from labferry.sdk.quoting import quote


@dataclass(frozen=True, slots=True)
class Problem:
    """RSpace's ApiError.

    Attributes:
        code: Its internalCode, such as 40101.
        message: Its message.
        details: Its errors and validation errors.
    """

    code: int | None
    message: str
    details: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it in one line."""
        details = [detail for detail in self.details if detail not in self.message]
        return quote(": ".join(part for part in (self.message, "; ".join(details)) if part))

    @classmethod
    def of(cls, document: object) -> "Problem | None":
        """The ApiError that a JSON value is; None if it is something else."""
        if not isinstance(document, dict) or "message" not in document:
            return None
        if not {"internalCode", "httpCode", "errors"} & document.keys():
            return None
        code = document.get("internalCode")
        details = dict.fromkeys(text for text in _details(document) if text)
        return cls(
            code if isinstance(code, int) else None, quote(document["message"]), tuple(details)
        )


def _details(document: dict[str, object]) -> Iterator[str]:
    errors = document.get("errors")
    if isinstance(errors, list):
        yield from (quote(error) for error in errors)
    data = document.get("data")
    invalid = data.get("validationErrors") if isinstance(data, dict) else None
    for error in invalid if isinstance(invalid, list) else ():
        if isinstance(error, dict):
            yield quote(f"{error.get('field')}: {error.get('message')}")


@dataclass(frozen=True, slots=True)
class Answer(HttpAnswer):
    """An answer of RSpace."""

    @property
    def problem(self) -> Problem | None:
        """The ApiError in the body, if there is one."""
        return Problem.of(self.json)
