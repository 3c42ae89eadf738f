"""``GET /api/v1/export/{name}``: the local way to fetch an export (ExportImportImpl)."""

from labferry.testing.http.response import Response
from labferry.testing.rspace.messages import BINARY, internal, unprocessable
from labferry.testing.rspace.naming import DOWNLOADABLE
from labferry.testing.rspace.state import Call

_ENDINGS = (".zip", ".csv", ".eln")


def download(call: Call) -> Response:
    """Send a file to whoever has a valid key, always whole, without ETag or ranges."""
    name, state = call.parts[0], call.state
    if not DOWNLOADABLE.match(name):
        raise unprocessable(f"Invalid file name [{name}]")
    if not name.endswith(_ENDINGS):
        name += ".zip"
    options = state.options
    state.files.sweep(state.now(), options.storage_time, options.sweep_interval)
    file = state.files.find(name, state.now())
    if file is None or file.on_s3:
        raise internal(f"Export archive [{name}] could not be found")
    headers = {
        "Content-Type": BINARY,
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(200, headers, file.archive.size, file.archive.chunks(0, file.archive.size))
