"""Values on the command line: lengths of time, and points in time."""

from datetime import UTC, datetime, timedelta

import click
from typing_extensions import override

from labferry.sdk.settings import parse_duration


class _Duration(click.ParamType[timedelta]):
    name = "DURATION"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(f"{value!r} is no duration: expected {error}.", param, ctx)


DURATION = _Duration()
"""A length of time: `90s`, `26h`, `30d`."""


class _Moment(click.ParamType[datetime]):
    name = "WHEN"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return _moment(str(value))
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is neither a date such as 2026-03-01 or 2026-03-01T12:00 (UTC unless "
                "it says otherwise) nor an age such as 7d or 26h.",
                param,
                ctx,
            )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC) - parse_duration(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


MOMENT = _Moment()
"""A date, a date with a time, or a time ago: `2026-03-01`, `2026-03-01T12:00+01:00`, `7d`."""
