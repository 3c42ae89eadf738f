"""The `manifest.txt` in an archive, and whether it is what was asked for.

Written from rspace-web's ArchiveManifest, ExportImportImpl and AbstractArchiveExporter.
"""

from typing import Final, Literal

from labferry.sdk import IntegrityError
from labferry.sdk.quoting import quote
from labferry_rspace.members import Member, Members

MANIFEST: Final = "manifest.txt"
_LARGEST = 1024 * 1024
# The others came later: an archive of an old server has no OrcidID.
_ALWAYS = ("archiveId", "archiveSource", "exportDate", "Source URL", "scope")
_MAKER = "ResearchSpace"


def read_manifest(members: Members) -> dict[str, str]:
    """The manifest's lines.

    Raises:
        IntegrityError: There is none, or it lacks a line that RSpace always writes.
    """
    data = members.read(_find(members))
    lines = data.decode("utf-8", "replace").splitlines()
    manifest = dict(line.split(":", 1) for line in lines if ":" in line)
    missing = [key for key in _ALWAYS if key not in manifest]
    if missing:
        raise IntegrityError(f"The archive's manifest.txt says nothing of {', '.join(missing)}.")
    return manifest


def check_manifest(manifest: dict[str, str], scope: Literal["user", "group", "selection"]) -> None:
    """Make sure that a manifest fits what was asked for.

    `Source URL` is not compared. It is what the server believes its address to be
    (`server.urls.prefix`), which behind a proxy often is another than the one that works, and
    changes when somebody corrects it. The archive came from the configured address, with its key,
    and is the one that the job declared: a wrong guess here would only refuse good archives.

    Raises:
        IntegrityError: It is of another program, or of another scope.
    """
    maker, found = manifest["archiveSource"].strip(), manifest["scope"].strip()
    if maker != _MAKER:
        raise IntegrityError(
            f"The archive names {quote(maker)!r} as its source in manifest.txt, not {_MAKER!r}: it "
            "is no export of RSpace."
        )
    if found != scope.upper():
        raise IntegrityError(
            f"By its manifest.txt, the archive is an export of scope {quote(found)!r}. labferry "
            f"asked for {scope.upper()!r}."
        )


def _find(members: Members) -> Member:
    for member in members.files:
        if member.name == MANIFEST:
            if member.size > _LARGEST:
                raise IntegrityError(f"The archive's manifest.txt has {member.size} bytes.")
            return member
    raise IntegrityError(
        "The archive has no manifest.txt in its root folder: it is no export of RSpace."
    )
