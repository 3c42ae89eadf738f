"""``POST /api/inventory/v1/export`` (InventoryExportApiController)."""

import json
from collections.abc import Iterator
from typing import Any

from labferry.testing.http.response import Response
from labferry.testing.rspace.archives import BytesArchive, pack
from labferry.testing.rspace.files import StoredFile
from labferry.testing.rspace.jobroute import checked, expiry_date
from labferry.testing.rspace.messages import json_response, unprocessable
from labferry.testing.rspace.model import InventoryItem
from labferry.testing.rspace.naming import archive_name
from labferry.testing.rspace.requestlog import RecordedExport
from labferry.testing.rspace.state import Call

MODES = ("FULL", "COMPACT")
_TABLES = {"IC": "containers", "SA": "samples", "SS": "subSamples"}


def export_inventory(call: Call) -> Response:
    """Export inside the request: 200, COMPLETED at once, ``id`` null.

    There is no running-export rule, and the file is always local and never swept.
    """
    settings = _settings(call)
    root = archive_name(call.state.today(), "CSV", "INVENTORY")
    file = _write(call, settings, root)
    state = call.state
    state.files.add(file)
    with state.lock:
        username, archive = call.user.username, file.archive
        state.exports.append(
            RecordedExport(state.now(), None, username, None, file.name, (), archive, settings)
        )
    links = {
        "enclosure": state.link(f"/api/v1/export/{file.name}"),
        "downloadLink": state.link(f"/export/ajax/downloadArchive/{file.name}"),
    }
    return json_response(
        {
            "id": None,
            "status": "COMPLETED",
            "percentComplete": 100.0,
            "result": {"expiryDate": expiry_date(state), **checked(file)},
            "_links": [{"link": link, "rel": rel} for rel, link in links.items()],
        }
    )


def _settings(call: Call) -> dict[str, Any]:
    text = call.request.param("exportSettings")
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise unprocessable(f"exportSettings cannot be read: {error}") from error
    if not isinstance(settings, dict):
        raise unprocessable("exportSettings must be a JSON object")
    if bool(settings.get("globalIds")) == bool(settings.get("users")):
        raise unprocessable("Either globalIds or users must be given, and not both")
    if settings.get("exportMode", MODES[0]) not in MODES:
        raise unprocessable(f"exportMode must be one of {', '.join(MODES)}")
    return settings


def _write(call: Call, settings: dict[str, Any], root: str) -> StoredFile:
    state = call.state
    tables = dict(_tables(call, settings))
    # Anything but the exact word gives a zip, a lower-case single_csv silently included.
    if settings.get("resultFileType") == "SINGLE_CSV":
        whole = BytesArchive("\n".join(tables.values()).encode())
        return StoredFile(f"{root}.csv", whole, state.now(), None, on_s3=False)
    moment = f"{state.today():%Y-%m-%dT%H-%M-%SZ}"
    members = {
        f"rsinventory_export_{moment}_{name}.csv": table.encode() for name, table in tables.items()
    }
    data = pack(root, members, state.today())
    return StoredFile(f"{root}.zip", BytesArchive(data), state.now(), None, on_s3=False)


def _tables(call: Call, settings: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A table for each kind of item, below lines that say who exported it and when."""
    state = call.state
    items = [item for item in state.world.inventory if _asked(item, settings)]
    for prefix, name in _TABLES.items():
        rows = [_row(item, settings) for item in items if item.global_id.startswith(prefix)]
        if rows:
            facts = {
                "Exported content": name.upper(),
                "Exported by": call.user.full_name,
                "Exported at": f"{state.today():%Y-%m-%dT%H:%M:%SZ}",
                "RSpace URL": state.link(""),
                "RSpace version": state.options.version,
                "Export mode": settings.get("exportMode", MODES[0]),
                "Export scope": "USER" if settings.get("users") else "SELECTION",
            }
            head = ["# RSpace Inventory Export", *(f"# {key}: {facts[key]}" for key in facts)]
            yield name, "\n".join([*head, "Global ID,Name,Owner", *rows]) + "\n"


def _asked(item: InventoryItem, settings: dict[str, Any]) -> bool:
    if settings.get("users"):
        return item.owner in settings["users"]
    return item.global_id in settings["globalIds"]


def _row(item: InventoryItem, settings: dict[str, Any]) -> str:
    name = item.name if settings.get("exportMode", MODES[0]) == "FULL" else item.name[:10]
    return f'{item.global_id},"{name}",{item.owner}'
