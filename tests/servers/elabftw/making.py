"""The queue: what becomes of an export, and the file that it makes."""

import hashlib
import io
import json
import secrets
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.servers.elabftw.crate import CrateMaker, Stream, may_read
from tests.servers.elabftw.model import FLAGS, KINDS, Entry, Export, State, User
from tests.servers.elabftw.options import Options
from tests.servers.elabftw.world import World

WORKING = ("eln", "zip", "pdf", "json")
KNOWN = (*WORKING, "csv", "elnhtml", "pdfa", "zipa", "binary", "qrpdf", "qrpng", "teamReport")
NO_HASH = "error computing hash"
_KEEPS_DELETED = 50600


def settle(export: Export, world: World, options: Options) -> None:
    """Let time pass for an export."""
    now = options.clock()
    if export.state not in {State.PENDING, State.PROCESSING} or export.fate == "waits":
        return
    if now >= export.begins and export.state is State.PENDING:
        export.state, export.modified = State.PROCESSING, export.begins
    if now < export.ends or export.fate == "stuck":
        return
    export.modified = export.ends
    problem = _problem(export, options)
    if problem:
        export.state, export.error = State.ERROR, problem
        return
    export.data = make_file(export, world, options)
    export.long_name = f"{secrets.token_hex(1)}/{secrets.token_hex(32)}.{export.format}"
    export.state = State.READY


def _problem(export: Export, options: Options) -> str:
    if export.fate == "failed":
        return options.error
    if export.format not in WORKING:
        return "Format not supported for this export."
    return "" if export.flags & {*KINDS} else "Nothing to export!"


def make_file(export: Export, world: World, options: Options) -> bytes:
    """The file of an export."""
    user = next(user for user in world.users if user.id == export.user)
    entries = chosen(export, world, user, options)
    match export.format:
        case "eln":
            return CrateMaker(world, user, options.version, export.ends).make(entries)
        case "zip":
            return _zip(entries, user, export)
        case "json":
            return json.dumps([_full(entry) for entry in entries]).encode()
    return _pdf(", ".join(entry.title for entry in entries), export.ends)


def chosen(export: Export, world: World, user: User, options: Options) -> Sequence[Entry]:
    """The entries of the key's owner; of the resource templates all that may be read."""
    return [
        entry
        for entry in world.entries
        if entry.kind in export.flags
        and (entry.owner == user.id or (entry.kind == "items_types" and may_read(user, entry)))
        and (not entry.deleted or options.version < _KEEPS_DELETED)
    ]


def row(export: Export, options: Options) -> dict[str, object]:
    """An export as the API shows it."""
    data = export.data
    digest = None if data is None else hashlib.sha256(data).hexdigest()
    shown: dict[str, object] = {
        "id": export.id,
        "created_at": _moment(export.created, options),
        "modified_at": _moment(export.modified, options),
        "requester_userid": export.user,
        "state": int(export.state),
        "team": export.team,
        "format": export.format,
        "long_name": export.long_name,
        "filesize": None if data is None else len(data),
        "real_name": f"export-{int(export.ends)}.{export.format}" if data else None,
        "hash": NO_HASH if digest and export.fate == "no hash" else digest,
        "hash_algo": "sha256",
        "error": export.error,
    }
    return shown | {flag: int(flag in export.flags) for flag in FLAGS}


def _moment(seconds: float, options: Options) -> str:
    return f"{datetime.fromtimestamp(seconds + options.zone, UTC):%Y-%m-%d %H:%M:%S}"


def _full(entry: Entry) -> dict[str, object]:
    uploads = [{"long_name": each.long_name, "hash": each.sha256} for each in entry.uploads]
    return {"id": entry.id, "elabid": entry.elabid, "title": entry.title, "body": entry.body} | {
        "modified_at": entry.modified,
        "uploads": uploads,
    }


def _zip(entries: Sequence[Entry], user: User, export: Export) -> bytes:
    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            folder = f"{user.fullname}/{entry.title} - {entry.elabid[9:17]}/"
            readable = True
            for upload in entry.uploads:
                readable = readable and upload.is_readable
                if readable:
                    archive.writestr(f"{folder}/{upload.real_name}", upload.content)
            # What can't be read takes the entry's PDF and JSON with it, silently.
            if readable:
                archive.writestr(f"{folder}/{entry.title}.pdf", _pdf(entry.title, export.ends))
                if "json" in export.flags:
                    archive.writestr(f"{folder}/{entry.title}.json", json.dumps(_full(entry)))
    return bytes(stream.written)


def _pdf(text: str, moment: float) -> bytes:
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    out.write(f"1 0 obj ({text}) endobj % {moment}\n".encode())
    out.write(b"trailer <</Root 1 0 R>>\n%%EOF\n")
    return out.getvalue()
