"""Looks at an archive beside the last one of its series: unchanged, suspiciously small, or fine."""

from dataclasses import replace
from typing import Any

from labferry.ledger import DeliveryState, Export
from labferry.lifecycle.events import Downloaded, Unchanged
from labferry.sdk import Contents, Digests, ExportRequest, Offer, Source
from labferry.spool import SpoolArchive
from labferry.sync.context import RunContext
from labferry.sync.download_check import check_download


def examine(
    context: RunContext,
    source: Source[Any],
    export: Export,
    archive: SpoolArchive,
    digests: Digests,
) -> Downloaded | Unchanged:
    """Look inside an archive that is what its server declared, as far as it declared anything.

    Raises:
        IntegrityError: It is damaged inside; no destination may have it.
    """
    status = export.job.completed
    with archive.path.open("rb") as file:
        contents = source.examine_job(file, export.request, status)
        check = check_download(
            file,
            status.offer or Offer(None),
            context.stop.check,
            is_known_inside=contents is not None,
        )
    warning = contents.warning if contents is not None else ""
    downloaded = Downloaded(digests, contents, warning, size=archive.size, check=check)
    last = context.ledger.last_stored(export.source, export.request.series)
    known = last.job.contents if last is not None else None
    if contents is None or known is None:
        return downloaded
    if source.settings.skip_unchanged and contents.fingerprint is not None:
        whole = last_everywhere(context, export.source, export.request)
        if whole is not None and known.fingerprint == contents.fingerprint:
            return Unchanged(
                f"The content equals that of {whole.archive_id}. It was not stored again."
            )
    return replace(downloaded, warning=warning or _suspicion(source, contents, known))


def last_everywhere(context: RunContext, source: str, request: ExportRequest) -> Export | None:
    """The last stored export of a source's request, if all destinations of this run have it."""
    last = context.ledger.last_stored(source, request.series)
    if last is None or last.request != request:
        return None
    have = {
        delivery.destination
        for delivery in context.ledger.deliveries(last.id)
        if delivery.state is DeliveryState.STORED
    }
    route = set(context.routes[source])
    is_there = route <= have and all(_has(context, name, last) for name in sorted(route))
    return last if is_there else None


def _has(context: RunContext, destination: str, export: Export) -> bool:
    """Whether a destination, which got an archive once, still has it as far as is known."""
    check = context.checks.get(destination)
    if check is not None:
        check.wait()
    copy = context.ledger.copies.get(destination, export.archive_id or "")
    return copy is None or (copy.is_present and not copy.problem)


def _suspicion(source: Source[Any], contents: Contents, known: Contents) -> str:
    if contents.members >= source.settings.suspicious_below * known.members:
        return ""
    return (
        f"The archive has only {contents.members} members, the last one had {known.members}. "
        "labferry stored it. Find out why members are missing. suspicious_below sets when this is "
        "reported."
    )
