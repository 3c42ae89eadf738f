"""Whom or what a server no longer lists, though an earlier run exported it."""

import logging
from collections.abc import Sequence
from typing import Any

from labferry.sdk import ExportRequest, IncompleteError, LabferryError, Source, redact
from labferry.sync.context import RunContext

_log = logging.getLogger(__name__)


def vanished_requests(
    context: RunContext, source: Source[Any], planned: Sequence[ExportRequest]
) -> Sequence[ExportRequest]:
    """What the source's server no longer has, and no run has reported yet."""
    ledger = context.ledger
    numbers = ledger.vanished.unreported(source.name, {request.series for request in planned})
    known = [ledger.export(number) for number in numbers]
    same = [
        export.request
        for export in known
        if (export.source_type, export.source_url) == (source.type, source.url)
    ]
    try:
        return source.vanished(same) if same else ()
    except Exception as error:  # noqa: BLE001 - it is no reason to export nothing
        _log.warning(
            "%s: It is not known what the server no longer lists: %s",
            *(source.name, redact(str(error))),
        )
        return ()


def report_vanished(
    context: RunContext,
    source: str,
    vanished: Sequence[ExportRequest],
    planned: Sequence[ExportRequest],
) -> Sequence[LabferryError]:
    """Note that this run reports what vanished, and say so."""
    ledger = context.ledger
    ledger.vanished.note(
        ledger.run(context.run),
        source,
        [request.series for request in vanished],
        [request.series for request in planned],
    )
    return [_problem(context, source, request) for request in vanished]


def _problem(context: RunContext, source: str, request: ExportRequest) -> LabferryError:
    last = context.ledger.vanished.last_archive(source, request.series)
    left = (
        "No archive of it was ever stored."
        if last is None
        else f"Its last archive is {last.archive_id}, at {' and '.join(last.destinations)}."
    )
    return IncompleteError(
        f'The server no longer lists what was exported as "{request.title}": it was deleted '
        f"there, or hidden. {left}",
        hint="labferry keeps that archive, and reports this once.",
    )
