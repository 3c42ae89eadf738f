"""The Inventory's own export: one request, answered when the file is made.

Written from rspace-web's InventoryExportApiController. There is no job: the answer alone declares
size and checksum, and nobody can be asked for them again. So they are noted in the link that stands
for the job, behind a `#`, which is never sent to a server. The file itself is never swept.
"""

import json
import re
from dataclasses import replace
from typing import Literal

import httpx

from labferry.sdk import (
    AnswerLostError,
    JobState,
    JobStatus,
    NotFoundError,
    Offer,
)
from labferry_rspace.client import Client
from labferry_rspace.jobs import read_result
from labferry_rspace.submission import KeptOrder, not_begun

_PATH = "/api/inventory/v1/export"
_DOING = "Asking RSpace for the Inventory's export"
_FAILED = (
    "RSpace answers like this if an item does not exist, if this key may not read it, or if the "
    "server's disk is short of space."
)
_NOTED = re.compile(r"size=(\d{1,19})&crc32=(\d{1,10})&suffix=([.a-z]+)", re.ASCII)


class InventoryOrder(KeptOrder):
    """What an export request asks of the server."""

    users: tuple[str, ...] = ()
    global_ids: tuple[str, ...] = ()
    export_mode: Literal["FULL", "COMPACT"]
    result_file_type: Literal["ZIP", "SINGLE_CSV"]
    include_container_content: bool
    include_subsamples_in_sample: bool

    @property
    def form(self) -> dict[str, str]:
        """The one field of the form; these words must be in capitals, or mean something else."""
        whose = {"users": self.users} if self.users else {"globalIds": self.global_ids}
        settings = {
            **whose,
            "exportMode": self.export_mode,
            "resultFileType": self.result_file_type,
            "includeContainerContent": self.include_container_content,
            "includeSubsamplesInSample": self.include_subsamples_in_sample,
        }
        return {"exportSettings": json.dumps(settings)}


def submit(client: Client, order: InventoryOrder, key: str) -> JobStatus:
    """Ask for the export, once, and wait until it is made.

    Raises:
        LabferryError: As `Source.submit` says.
    """
    url = client.address.base + _PATH
    answer = client.post(url, key, order.form, multipart=True)
    if not answer.ok:
        raise not_begun(answer, _DOING, _FAILED)
    document = answer.json
    if not isinstance(document, dict) or document.get("status") != JobState.COMPLETED.upper():
        raise AnswerLostError(
            f"{_DOING} was answered with HTTP {answer.status} and {answer.kind}, which offers no "
            "export: a file may have been made."
        )
    # The file stays until somebody deletes it, whatever expiryDate says.
    offer = replace(read_result(document, answer), kept_for=None)
    return JobStatus(job="", link=_noted(offer), state=JobState.COMPLETED, offer=offer)


def completed(link: str) -> JobStatus:
    """The answer of a submission, from the link that it gave.

    Raises:
        NotFoundError: The link does not tell.
    """
    try:
        url = httpx.URL(link)
    except httpx.InvalidURL:
        url = httpx.URL()
    match = _NOTED.fullmatch(url.fragment)
    if match is None:
        raise NotFoundError(
            "The Inventory's export can't be asked for again: the server gives its size and "
            "checksum only once, and labferry stores nothing unverified.",
            hint="labferry asks for a new one.",
        )
    offer = Offer(
        link=str(url.copy_with(fragment=None)),
        size=int(match[1]),
        crc32=int(match[2]),
        suffix=match[3],
    )
    return JobStatus(job="", link=link, state=JobState.COMPLETED, offer=offer)


def _noted(offer: Offer) -> str:
    if offer.link is None or offer.size is None or offer.crc32 is None:
        return ""
    return f"{offer.link}#size={offer.size}&crc32={offer.crc32}&suffix={offer.suffix}"
