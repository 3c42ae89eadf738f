"""What every destination's table can hold: how copies are kept, checked, sealed and paced."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from typing_extensions import override

from labferry.sdk.quantities import Rate, Size
from labferry.sdk.secrets import Secret
from labferry.sdk.settings import Duration, Settings

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

__all__ = ["Encrypt", "Retention", "SinkSettings", "Verify"]


class Retention(Settings):
    """Which archives of a series to keep; the rules mean what they mean in restic.

    A rule keeps the newest archive of each of the last N hours, days and so on that have one. An
    archive is kept if any rule keeps it.
    """

    keep_last: Annotated[int, Field(ge=0)] = 0
    """How many of the newest archives to keep."""

    keep_hourly: Annotated[int, Field(ge=0)] = 0
    """For how many hours to keep the newest archive of each."""

    keep_daily: Annotated[int, Field(ge=0)] = 0
    """For how many days to keep the newest archive of each."""

    keep_weekly: Annotated[int, Field(ge=0)] = 0
    """For how many weeks to keep the newest archive of each; weeks begin on Mondays."""

    keep_monthly: Annotated[int, Field(ge=0)] = 0
    """For how many months to keep the newest archive of each."""

    keep_yearly: Annotated[int, Field(ge=0)] = 0
    """For how many years to keep the newest archive of each."""

    keep_within: Annotated[Duration, Field(gt=timedelta())] | None = None
    """Keep all archives that are at most this much older than the newest one."""

    @model_validator(mode="after")
    def _keeps_something(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("at least one rule that keeps something, such as keep_last = 30")
        return self


class Verify(Settings):
    """When stored copies are read back."""

    upload: Annotated[str | None, Field(json_schema_extra={"deprecated": True})] = None
    """The same as `upload_check` beside this table: that key has replaced this one."""

    every: Annotated[Duration, Field(gt=timedelta())] | None = None
    """How often every stored copy must be read back; each sync does part of it."""

    budget: Annotated[Size, Field(gt=0)] | None = None
    """The most bytes that one sync reads back; overdue copies are read in any case."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.budget is not None and self.every is None:
            raise ValueError('`every` beside `budget`, such as every = "30d"')
        return self


def _verify(value: object) -> object:
    """In earlier versions, `verify` could be a word that said how an upload is checked."""
    return {"upload": value} if isinstance(value, str) else value


class Encrypt(Settings):
    """Encryption before an archive leaves this machine, in the age format."""

    recipients: Annotated[tuple[str, ...], Field(min_length=1)]
    """Who can decrypt: age's public keys (`age1…`) or SSH public keys (`ssh-ed25519 AAAA…`)."""

    identities: tuple[Secret, ...] = ()
    """The private keys to decrypt with, for `verify --contents`, `restore` and `drill`. Backups do
    not need them. It is safer to keep them elsewhere and to give them to `restore` when you need
    them."""


class SinkSettings(Settings):
    """The keys that every destination has."""

    upload_checks: ClassVar[frozenset[str]] = frozenset()
    """The values that `upload_check` can have. A type of destination that offers a choice lists
    them."""

    type: str
    """The kind of destination, named as its plugin names it."""

    required: bool = True
    """Whether a run fails if this destination fails. If not, its failures are warnings."""

    bandwidth_limit: Annotated[Rate, Field(ge=1024)] | None = None
    """The most bytes that are sent per second, such as `"20 MB/s"`."""

    retention: Retention | None = None
    """Which archives to keep; without it, all. Applied after each sync without failures, and by
    `labferry prune`."""

    upload_check: str | None = None
    """How an upload is checked."""

    verify: Annotated[Verify, BeforeValidator(_verify)] | None = None
    """When stored copies are read back: `{ every = "30d", budget = "200 GB" }`."""

    encrypt: Encrypt | None = None
    """Who can decrypt the archives: they are encrypted (age) before they leave this machine.
    Without it, archives are not encrypted."""

    @model_validator(mode="after")
    def _has_one_upload_check(self) -> Self:
        """Read `verify = "size"` and `verify.upload` of earlier versions as `upload_check`.

        Plugins may read either key, so both say the same afterwards.
        """
        earlier = self.verify.upload if self.verify else None
        if "upload_check" not in self.model_fields_set:
            if earlier is not None:
                object.__setattr__(self, "upload_check", earlier)
        elif earlier not in {None, self.upload_check}:
            raise ValueError(
                "`verify` and `upload_check` to agree. Remove the check of uploads from `verify`."
            )
        elif self._is_choice_of_sdk():
            verify = (self.verify or Verify()).model_copy(update={"upload": self.upload_check})
            object.__setattr__(self, "verify", verify)
        return self

    @model_validator(mode="after")
    def _upload_check_is_offered(self) -> Self:
        if self.upload_check is None or self.upload_check in self.upload_checks:
            return self
        if self.upload_checks:
            offered = ", ".join(sorted(self.upload_checks))
            raise ValueError(f"`upload_check` to be one of {offered}")
        if self._is_choice_of_sdk():
            raise ValueError(
                "no `upload_check`: this type of destination offers no choice of how uploads are "
                "checked"
            )
        return self

    @classmethod
    def _is_choice_of_sdk(cls) -> bool:
        """Whether `upload_check` is the key above, not one that a plugin defines for itself."""
        return bool(cls.upload_checks) or cls.model_fields["upload_check"].annotation == str | None

    @classmethod
    @override
    def __get_pydantic_json_schema__(
        cls, core_schema: "CoreSchema", handler: GetJsonSchemaHandler, /
    ) -> "JsonSchemaValue":
        """Offer `upload_check` with its choices, or not at all."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        if cls.upload_checks:
            key = properties["upload_check"]
            kept = {name: key[name] for name in ("default", "description", "title") if name in key}
            properties["upload_check"] = {"enum": sorted(cls.upload_checks), **kept}
        elif cls._is_choice_of_sdk():
            properties.pop("upload_check", None)
        return schema
