"""The files of drafts: registered, filled, committed, deleted."""

from collections import Counter

from tests.servers.invenio.body import Interrupted
from tests.servers.invenio.contents import Content
from tests.servers.invenio.download import content_response
from tests.servers.invenio.messages import (
    Problem,
    broken,
    denied,
    empty_response,
    json_response,
    wrong,
)
from tests.servers.invenio.model import Entry, Record
from tests.servers.invenio.shapes import file_json, files_json
from tests.servers.invenio.state import Call

from labferry.testing.http.response import Response

_LONGEST_KEY = 255


def list_files(call: Call) -> Response:
    """``GET …/draft/files``."""
    return json_response(files_json(call.state, call.draft(), is_draft=True))


def register(call: Call) -> Response:
    """``POST …/draft/files``: one bad key, and the whole batch is refused."""
    with call.state.lock:
        record = unlocked(call)
        keys = _keys(call)
        race = [(record.id, key) for key in keys]
        lost = call.state.racing.intersection(race)
        if not lost:
            _check_new(call, record, keys)
            call.state.racing.update(race)
    if lost:
        raise broken()
    call.state.race()
    with call.state.lock:
        call.state.racing.difference_update(race)
        record.files.update({key: Entry(key) for key in keys})
        return json_response(files_json(call.state, record, is_draft=True), 201)


def _keys(call: Call) -> list[str]:
    """The keys of a batch. Sizes and checksums beside them are ignored."""
    body = call.request.json
    items = body if isinstance(body, list) else [body]
    keys = [item.get("key") if isinstance(item, dict) else None for item in items]
    texts = [key for key in keys if isinstance(key, str) and key]
    if len(texts) < len(keys):
        raise Problem(400, "A validation error occurred.", [wrong("key", "Missing data.")])
    return texts


def _check_new(call: Call, record: Record, keys: list[str]) -> None:
    twice = [key for key, times in Counter([*record.files, *keys]).items() if times > 1]
    if twice:
        raise Problem(400, f"File with key {twice[0]} already exists.")
    if len(record.files) + len(keys) > call.state.options.max_files:
        limit = call.state.options.max_files
        raise Problem(400, f"Maximum number of {limit} files per record exceeded.")


def unlocked(call: Call) -> Record:
    """The draft in the path, whose files may be changed.

    Raises:
        Problem: 403, it is a draft of something published; 400, it has no files.
    """
    record = call.draft()
    if record.published is not None:
        raise denied()
    if not record.side.files_enabled:
        raise Problem(400, "Files support is not enabled.")
    return record


def entry_of(call: Call, record: Record) -> Entry:
    """The file in the path.

    Raises:
        Problem: 404.
    """
    entry = record.files.get(call.parts[1])
    if entry is None:
        raise Problem(404, f"Record '{record.id}' has no file '{call.parts[1]}'.")
    return entry


def show(call: Call) -> Response:
    """``GET …/draft/files/{key}``."""
    record = call.draft()
    entry = entry_of(call, record)
    return json_response(file_json(call.state, record, entry, is_draft=True))


def upload(call: Call) -> Response:
    """``PUT …/draft/files/{key}/content``. Records are not locked while bytes arrive."""
    with call.state.lock:
        record = unlocked(call)
        entry = entry_of(call, record)
        if entry.completed:
            return _failed(call, record, entry, "File is already committed.", 200)
        if entry.busy:
            raise Problem(400, "File upload transfer failed.")
        _check_room(call, record, call.request.body.length or 0)
        entry.busy = True
    try:
        content = _received(call)
    except Interrupted:
        with call.state.lock:
            entry.busy = False
            return _interrupted(call, record, entry)
    with call.state.lock:
        entry.busy = False
        _check_room(call, record, content.size)
        entry.wasted += entry.size
        entry.content = content
        return json_response(file_json(call.state, record, entry, is_draft=True))


def _check_room(call: Call, record: Record, size: int) -> None:
    if size > call.state.options.file_limit:
        raise Problem(400, "File size limit exceeded.")
    if record.used + size > call.state.options.record_quota:
        raise Problem(400, "Bucket quota exceeded.")


def _received(call: Call) -> Content:
    body, contents = call.request.body, call.state.contents
    if body.length is None and call.state.options.chunked_bodies == "empty":
        body.drain()
        return contents.store(())
    return contents.store(body.pieces())


def _interrupted(call: Call, record: Record, entry: Entry) -> Response:
    options = call.state.options
    message = f"Transfer of File with key '{entry.key}' failed."
    if options.interrupted_entry == "pending":
        raise Problem(400, message)
    return _failed(call, record, entry, message, options.interrupted_put)


def _failed(call: Call, record: Record, entry: Entry, message: str, status: int) -> Response:
    """A failed upload removes the file, and may look like a success."""
    record.files.pop(entry.key, None)
    if status != 200:  # the one that looks like a success
        raise Problem(status, message)
    shown = file_json(call.state, record, entry, is_draft=True)
    return json_response({**shown, "errors": [wrong(f"files.{entry.key}", message)]})


def commit(call: Call) -> Response:
    """``POST …/draft/files/{key}/commit``: may be repeated."""
    record = unlocked(call)
    entry = entry_of(call, record)
    if entry.content is None or len(entry.key) > _LONGEST_KEY:
        raise broken()
    entry.completed = True
    return json_response(file_json(call.state, record, entry, is_draft=True))


def delete(call: Call) -> Response:
    """``DELETE …/draft/files/{key}``: all its bytes no longer count."""
    record = unlocked(call)
    del record.files[entry_of(call, record).key]
    return empty_response()


def download(call: Call) -> Response:
    """``GET …/draft/files/{key}/content``."""
    return content_response(call, entry_of(call, call.draft()))


def import_files(call: Call) -> Response:
    """``POST …/draft/actions/files-import``: the files of the version before, not copied."""
    record = unlocked(call)
    latest = record.series.latest
    if latest is None:
        raise Problem(404, "There is no previous version to import files from.")
    if record.files:
        raise Problem(400, "Please remove all files first.")
    record.files = {
        key: Entry(key, entry.content, completed=True) for key, entry in latest.files.items()
    }
    return json_response(files_json(call.state, record, is_draft=True), 201)
