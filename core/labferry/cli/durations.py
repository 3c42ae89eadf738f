"""Lengths of time on the command line."""

from datetime import timedelta

import click
from typing_extensions import override

from labferry.sdk.settings import parse_duration

__all__ = ["DURATION"]


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
