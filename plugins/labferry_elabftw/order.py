"""What an export request asks of the server; kept in the ledger as its parameters."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from labferry.sdk import ExportRequest, InvalidAnswerError, JsonValue
from labferry_elabftw.settings import ElabftwSettings, Entries

SWITCHES = (
    "experiments",
    "items",
    "experiments_templates",
    "items_types",
    "changelog",
    "pdfa",
    "json",
)


class Order(BaseModel):
    """What to export, and how.

    Attributes:
        entries: The kinds of entries.
        more: Further switches.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["eln", "zip", "pdf", "json"]
    entries: tuple[Entries, ...]
    more: tuple[Literal["changelog", "pdfa", "json"], ...] = ()

    @classmethod
    def by(cls, settings: ElabftwSettings) -> "Order":
        """The order that the settings make."""
        more: tuple[tuple[Literal["changelog", "pdfa", "json"], bool], ...] = (
            ("changelog", settings.include_changelog),
            ("pdfa", settings.pdfa),
            ("json", settings.include_json),
        )
        return cls(
            format=settings.format,
            entries=tuple(sorted({*settings.entries}, key=SWITCHES.index)),
            more=tuple(name for name, is_on in more if is_on),
        )

    @classmethod
    def of(cls, request: ExportRequest) -> "Order":
        """The order in a request.

        Raises:
            InvalidAnswerError: It is none.
        """
        try:
            return cls.model_validate(dict(request.parameters))
        except ValidationError:
            raise InvalidAnswerError(
                f"labferry can't read its note about export {request.series}. Another version of "
                "labferry wrote it."
            ) from None

    @property
    def parameters(self) -> dict[str, JsonValue]:
        """The same as JSON."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def body(self) -> dict[str, JsonValue]:
        """What is sent. A switch must be the text "on": the server fails at JSON's true."""
        return {"format": self.format, **dict.fromkeys(self.switches, "on")}

    @property
    def switches(self) -> frozenset[str]:
        """The switches that are on."""
        return frozenset({*self.entries, *self.more})
