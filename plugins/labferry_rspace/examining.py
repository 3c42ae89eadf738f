"""Looking inside an archive before any destination has it."""

import logging
from typing import BinaryIO

import httpx

from labferry.sdk import Contents
from labferry.sdk.http_address import origin, web_address
from labferry.sdk.quoting import quote
from labferry_rspace.address import Address
from labferry_rspace.fingerprint import fingerprint, fingerprint_of_directory
from labferry_rspace.manifest import check_manifest, read_manifest
from labferry_rspace.members import Members
from labferry_rspace.submission import Order

_logger = logging.getLogger(__name__)


def examine(archive: BinaryIO, order: Order, address: Address, *, verify: bool) -> Contents:
    """Look inside an archive.

    Args:
        archive: The whole archive.
        order: What was asked for.
        address: The configured address of the server.
        verify: Whether to read the members too, and not the directory alone.

    Raises:
        IntegrityError: It is damaged inside, or no archive of what was asked for.
    """
    members = Members(archive)
    if not verify:
        return Contents(len(members.files), fingerprint_of_directory(members))
    members.check()
    manifest = read_manifest(members)
    check_manifest(manifest, order.scope)
    _compare(manifest["Source URL"], address)
    return Contents(len(members.files), fingerprint(members, manifest))


def _compare(text: str, address: Address) -> None:
    url = web_address(text.strip())
    if url is None or origin(httpx.URL(url)) != address.origin:
        _logger.info(
            "The archive from %s names %s as its source, which is what the server takes for its "
            "own address",
            address.base,
            quote(text),
        )
