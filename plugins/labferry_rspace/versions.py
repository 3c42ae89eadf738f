"""The version of a server, and what is known of it."""

import re

from labferry.sdk.quoting import quote
from labferry_rspace.client import Client

_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)
_SOUND_UPLOADS_SINCE = (2, 25, 0)


def server_version(client: Client, key: str) -> str:
    """The version that the server says it is; empty if it does not say."""
    url = client.address.api("/status")
    status = client.fact(url, key, f"Asking {client.address.base} for its version")
    version = status.get("rspaceVersion") if isinstance(status, dict) else None
    return quote(version) if isinstance(version, str) else ""


def is_before(version: str, since: tuple[int, int, int]) -> bool:
    """Whether a version is older than another; one that can't be read is not."""
    match = _VERSION.match(version)
    return match is not None and tuple(int(part or 0) for part in match.groups()) < since


def fault_of_uploads(client: Client, key: str) -> str:
    """What may be wrong with an archive that the server uploaded to S3; empty if nothing is."""
    version = server_version(client, key)
    if not is_before(version, _SOUND_UPLOADS_SINCE):
        return ""
    return (
        f"RSpace {version} has a known fault: while it uploads an archive to S3, it damages what "
        "comes after the first 2 GiB. RSpace 2.25 mends that."
    )
