"""Makes the contents of an export from the world's records, laid out as RSpace lays them out."""

import re
import secrets
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from html import escape
from types import MappingProxyType

from labferry.testing.rspace.model import Kind, Record, User
from labferry.testing.rspace.planning import ExportRequest

_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
_SKETCH = "".join(f"<{tag}>{{sketch}}</{tag}>" for tag in ("fileName", "name", "linkFile"))
_XSD = f'{_XML}<xs:schema version="1.0" xmlns:xs="http://www.w3.org/2001/XMLSchema"/>\n'


@dataclass(frozen=True)
class Export:
    """One export about to be written.

    Attributes:
        day: The day of the export, in the server's time.
    """

    request: ExportRequest
    records: tuple[Record, ...]
    source_url: str
    version: str
    day: date
    archive_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def manifest(self) -> dict[str, str]:
        """The lines of ``manifest.txt``, in its order and with its spelling."""
        return {
            "Database version": self.version,
            "Exported by": self.request.exporter.full_name,
            "OrcidID": "",
            "RSPace application version": self.version,
            "Source URL": self.source_url,
            "archiveId": self.archive_id,
            "archiveSource": "ResearchSpace",
            "exportDate": self.day.isoformat(),
            "scope": self.request.scope.upper(),
        }

    @property
    def manifest_text(self) -> bytes:
        """The same as the file."""
        return "".join(f"{name}:{value}\n" for name, value in self.manifest.items()).encode()


def members(export: Export) -> Mapping[str, bytes]:
    """Member names below the root folder, and their bytes."""
    written = dict(_html(export) if export.request.format == "html" else _xml(export))
    written["manifest.txt"] = export.manifest_text
    written["resources/"] = b""
    written["resources/commentIcon.gif"] = _GIF
    return MappingProxyType(written)


def _folder(record: Record, revision: int | None) -> str:
    """``doc_{name}-{id}`` with ``-revN`` if several revisions are exported."""
    prefix = "media" if record.kind is Kind.MEDIA else "doc"
    stem = f"{prefix}_{_plain(record.name)}-{record.id}"
    return stem if revision is None else f"{stem}-rev{revision}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "", name)


def _versions(export: Export, record: Record) -> list[int | None]:
    if not export.request.include_revision_history:
        return [None]
    return list(range(1, record.revisions + 1))


def _leaves(export: Export) -> Iterator[tuple[Record, str, int]]:
    """Every record with a folder of its own, that folder's name and the revision."""
    for record in export.records:
        if not record.is_container:
            for revision in _versions(export, record):
                yield record, _folder(record, revision), revision or record.revisions


def _xml(export: Export) -> Iterator[tuple[str, bytes]]:
    for schema in ("documentSchema.xsd", "formSchema.xsd", "userSchema.xsd"):
        yield schema, _XSD.encode()
    yield "folderTree.xml", _folder_tree(export).encode()
    yield "linkResolver.xml", f"{_XML}<linkResolverMap><linkMap/></linkResolverMap>\n".encode()
    for record, folder, revision in _leaves(export):
        yield f"{folder}/", b""
        yield from _files(record, folder, "xml", _document_xml(record, revision))
        if record.kind is Kind.DOCUMENT:
            yield f"{folder}/{folder}_form.xml", f"{_XML}<form><name>Basic</name></form>\n".encode()
    if export.request.scope != "selection":
        # The exporter's own, even if the work is another user's.
        yield "users.xml", _users_xml(export.request.exporter).encode()
        yield "messages.xml", f"{_XML}<archivedMessages/>\n".encode()
    if any(record.nfs for record in export.records):
        yield "nfsExports.xml", f"{_XML}<nfsExports/>\n".encode()


def _files(record: Record, folder: str, ending: str, text: str) -> Iterator[tuple[str, bytes]]:
    """The main file of a folder, and the picture or gallery file beside it."""
    if record.sketch:
        picture = f"sktch{secrets.token_urlsafe(10)}.png"
        text = text.replace("{sketch}", picture)
        yield f"{folder}/{picture}", _GIF
    if record.kind is Kind.MEDIA:
        yield f"{folder}/{record.name}", record.data
    yield f"{folder}/{folder}.{ending}", text.encode()


def _document_xml(record: Record, revision: int) -> str:
    sketch = '<img class="sketch" src="{sketch}"/>' if record.sketch else ""
    return (
        f'{_XML}<archivalDocument docId="{record.id}">\n'
        f"    <name>{escape(record.name)}</name>\n"
        f"    <createdBy>{record.owner}</createdBy>\n"
        f"    <creationDate>{record.created.isoformat()}</creationDate>\n"
        f"    <lastModifiedDate>{record.modified.isoformat()}</lastModifiedDate>\n"
        f"    <recordVersion>{revision}</recordVersion>\n"
        f"    <tag>{escape(record.tags)}</tag>\n"
        f"    <fieldData>{escape(record.text + sketch, quote=False)}</fieldData>\n"
        f"    <sketchImageList>{_SKETCH if record.sketch else ''}</sketchImageList>\n"
        "</archivalDocument>\n"
    )


def _folder_tree(export: Export) -> str:
    folders = "".join(
        f'<folder id="{record.id}"><name>{escape(record.name)}</name></folder>'
        for record in export.records
        if record.is_container
    )
    return f"{_XML}<exportRecordList><listFolders>{folders}</listFolders></exportRecordList>\n"


def _users_xml(user: User) -> str:
    return f"{_XML}<archiveUsers><user><username>{user.username}</username></user></archiveUsers>\n"


def _html(export: Export) -> Iterator[tuple[str, bytes]]:
    rows = "".join(f"<tr><td>{k}</td><td>{escape(v)}</td></tr>" for k, v in export.manifest.items())
    links = "".join(
        f'<a href="{folder}/{folder}.html">{escape(record.name)}</a><br/>\n'
        for record, folder, _ in sorted(_leaves(export), key=lambda leaf: leaf[0].name.lower())
    )
    yield "index.html", _page("Export Root", f"<table>{rows}</table>")
    yield "a-zIndex.html", _page("A-Z listing", links)
    yield "nfs-Links.html", _page("External file system links", "")
    for record in export.records:
        if record.is_container:
            yield f"{_plain(record.name)}-{record.id}.html", _page(record.name, "")
    for record, folder, revision in _leaves(export):
        sketch = '<img src="{sketch}"/>' if record.sketch else ""
        yield f"{folder}/", b""
        text = f"<p>Document {record.global_id} (version {revision})</p>{record.text}{sketch}"
        yield from _files(record, folder, "html", _page(record.name, text).decode())


def _page(title: str, body: str) -> bytes:
    title = escape(title)
    head = f'<!DOCTYPE HTML>\n<html><head><title>{title}</title><meta charset="UTF-8"></head>'
    return f"{head}\n<body><h3>{title}</h3>\n{body}</body></html>\n".encode()
