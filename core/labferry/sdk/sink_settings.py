"""What every destination's table can hold: how copies are kept, checked, sealed and paced."""

from datetime import timedelta
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from labferry.sdk.quantities import Rate, Size
from labferry.sdk.secrets import Secret
from labferry.sdk.settings import Duration, Settings

__all__ = ["Encrypt", "Retention", "SinkSettings", "Verify"]


class Retention(Settings):
    """Which archives of a series to keep, with the meaning that restic gives these words.

    A rule keeps the newest archive of each of the last so many hours, days and so on that have
    one. What any rule keeps is kept.
    """

    keep_last: Annotated[int, Field(ge=0)] = 0
    """How many of the newest."""

    keep_hourly: Annotated[int, Field(ge=0)] = 0
    """Of how many hours the newest."""

    keep_daily: Annotated[int, Field(ge=0)] = 0
    """Of how many days the newest."""

    keep_weekly: Annotated[int, Field(ge=0)] = 0
    """Of how many weeks the newest; they begin on Mondays."""

    keep_monthly: Annotated[int, Field(ge=0)] = 0
    """Of how many months the newest."""

    keep_yearly: Annotated[int, Field(ge=0)] = 0
    """Of how many years the newest."""

    keep_within: Annotated[Duration, Field(gt=timedelta())] | None = None
    """All that are no older than this, counted from the newest."""

    @model_validator(mode="after")
    def _keeps_something(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("A retention needs at least one rule that keeps something.")
        return self


class Verify(Settings):
    """How what a destination holds is made sure of."""

    upload: str | None = None
    """How an upload is checked, for kinds of destination that offer a choice."""

    every: Annotated[Duration, Field(gt=timedelta())] | None = None
    """Within which time each sync's share of reading back comes round to every stored copy."""

    budget: Annotated[Size, Field(gt=0)] | None = None
    """How many bytes one sync reads back at most, but for what is overdue."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.budget is not None and self.every is None:
            raise ValueError('A budget needs the time for all of it, such as every = "30d".')
        return self


def _verify(value: object) -> object:
    """A word alone is how an upload is checked."""
    return {"upload": value} if isinstance(value, str) else value


class Encrypt(Settings):
    """Encryption before an archive leaves this machine, in the age format."""

    recipients: Annotated[tuple[str, ...], Field(min_length=1)]
    """Who can decrypt: age's public keys (`age1…`) or SSH public keys (`ssh-ed25519 AAAA…`)."""

    identities: tuple[Secret, ...] = ()
    """The private keys to decrypt with, for `verify --contents`, `restore` and `drill`. Backups
    need none: better keep them elsewhere and give them to `restore` when the day comes."""


class SinkSettings(Settings):
    """The keys that every destination has."""

    upload_checks: ClassVar[frozenset[str]] = frozenset()
    """What `verify.upload` can be; a kind of destination that offers a choice says so here."""

    type: str
    """Which kind of destination this is: the word that a plugin offers."""

    required: bool = True
    """Whether a run fails when this destination does; if not, its failures are warnings."""

    bandwidth_limit: Annotated[Rate, Field(ge=1024)] | None = None
    """How many bytes a second are sent at most, such as `"20 MB/s"`."""

    retention: Retention | None = None
    """Which archives to keep; all of them where this is left out. Applied after each clean sync,
    and by `labferry prune`."""

    verify: Annotated[Verify, BeforeValidator(_verify)] | None = None
    """When stored copies are read back, `{ every = "30d", budget = "200 GB" }`, and for some
    kinds of destination how an upload is checked, `"readback"` or `"size"`."""

    encrypt: Encrypt | None = None
    """For whom archives are encrypted (age) before they leave this machine; left as they are
    where this is left out."""

    @model_validator(mode="after")
    def _upload_check_is_offered(self) -> Self:
        check = self.verify.upload if self.verify else None
        if check is not None and check not in self.upload_checks:
            offered = ", ".join(sorted(self.upload_checks))
            raise ValueError(
                f"How uploads are checked here must be one of {offered}."
                if offered
                else "How uploads are checked is not for choice here: verify takes every and "
                "budget only."
            )
        return self
