"""S3 and every store that speaks its protocol as a destination for labferry."""

from collections.abc import Sequence
from typing import Any

from labferry.sdk import Sink, hookimpl
from labferry_s3.settings import S3Settings
from labferry_s3.sink import S3Sink

__all__ = ["S3Settings", "S3Sink", "labferry_sinks"]


@hookimpl
def labferry_sinks() -> Sequence[type[Sink[Any]]]:
    """The destination type `s3`."""
    return (S3Sink,)
