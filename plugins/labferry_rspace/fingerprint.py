"""What two exports of the same work have in common, as one short text.

Two exports of unchanged work differ in the root folder's name, timestamps, the order of members,
`archiveId` and `exportDate` (in `manifest.txt`, and repeated in `index.html`), and in the random
names of sketches, annotations, formulas and chemistry images, with all that refers to them. Only
these are left out, each only where it certainly is what it seems; whatever else looks like one of
them counts as a change, and the archive is stored once more.

A random name gives way to the checksum and size of the file behind it, in the file's own name and
in the document beside it. So another picture, another order of pictures, or a picture more or less
is a change. Written from rspace-web's field exporters (SketchFieldExporter and others).
"""

import hashlib
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from labferry_rspace.manifest import MANIFEST
from labferry_rspace.members import Member, Members

_INDEX = "index.html"
_VERSION = b"labferry_rspace 1"
_LARGEST_TEXT = 32 * 1024 * 1024
_EVERY_TIME = (b"archiveId", b"exportDate")
# A prefix and 14 random characters. The large picture of a structure has the small one's name.
_NAME = r"(?:chemd|sktch|annot)[\w-]{14}\.png|math[\w-]{14}\.svg"
_GENERATED = re.compile(rf"(?:large_)?({_NAME})", re.ASCII)
# Of a fixed length before their ending, so two of them never overlap.
_IN_TEXT = re.compile(rf"(?:large_)?({_NAME})".encode())
_LISTED = re.compile(rf"<(fileName|name|linkFile)>({_NAME})</\1>".encode())
_LIST_OPENS = re.compile(rb"<(chemdooleImageList|sketchImageList|mathList|ImageAnnotationList)>")
_LIST_CLOSES = re.compile(rb"</(chemdooleImageList|sketchImageList|mathList|ImageAnnotationList)>")
_SHOWN = re.compile(rb'\s(?:src|data)="(?:large_)?([\w.-]{22,23})"')

_Entries = dict[str, bytes]
"""What counts of each member, by its name."""


def fingerprint(members: Members, manifest: Mapping[str, str]) -> str | None:
    """The same for two archives exactly if the work in them is the same; None if that is unknown.

    Args:
        members: The archive's.
        manifest: Its manifest.
    """
    if not members.has_distinct_names:
        return None
    entries = {member.name: _entry(member.name, member) for member in members.all}
    by_name = {member.name: member for member in members.files}
    _normalise_manifest(members, by_name[MANIFEST], entries)
    if _INDEX in by_name:
        _normalise_index(members, by_name[_INDEX], manifest, entries)
    for folder, pictures in _pictures(members.files).items():
        _normalise_document(members, by_name, folder, pictures, entries)
    return _digest(entries.values())


def fingerprint_of_directory(members: Members) -> str | None:
    """The same from the directory alone; None if that is not enough.

    The manifest counts as unchanged. So would the index of HTML pages, but that lists work too.
    """
    if any(member.name == _INDEX for member in members.files):
        return None
    return _digest(_entry(member.name, member) for member in members.all if member.name != MANIFEST)


def _digest(entries: Iterable[bytes]) -> str:
    digest = hashlib.sha256(_VERSION)
    for entry in sorted(entries):
        digest.update(len(entry).to_bytes(8, "big") + entry)
    return digest.hexdigest()


def _entry(name: str, member: Member) -> bytes:
    return f"{name}\n{_content(member)}".encode("utf-8", "surrogatepass")


def _content(member: Member) -> str:
    return f"{member.size} {member.crc32:08x}"


def _text_entry(name: str, text: bytes) -> bytes:
    return f"{name}\n{hashlib.sha256(text).hexdigest()}".encode("utf-8", "surrogatepass")


def _normalise_manifest(members: Members, member: Member, entries: _Entries) -> None:
    lines = members.read(member).split(b"\n")
    kept = [line for line in lines if line.partition(b":")[0] not in _EVERY_TIME]
    entries[member.name] = _text_entry(member.name, b"\n".join(kept))


def _normalise_index(
    members: Members, member: Member, manifest: Mapping[str, str], entries: _Entries
) -> None:
    """Leave out of the index what it repeats of the manifest, if that is there exactly once."""
    if member.size > _LARGEST_TEXT:
        return
    text = members.read(member)
    for key in _EVERY_TIME:
        value = manifest[key.decode()].strip().encode()
        # `*+` never gives back: a value cannot begin with a space, and the scan stays linear.
        row = re.compile(
            rb"(<td>\s*+" + key + rb"\s*+</td>\s*+<td>\s*+)" + re.escape(value) + rb"(\s*+</td>)"
        )
        text, count = row.subn(rb"\1\2", text)
        if count != 1:
            return
    entries[member.name] = _text_entry(member.name, text)


def _pictures(files: Iterable[Member]) -> Mapping[str, Mapping[str, list[Member]]]:
    """Files whose names look random, by their folder and the name that the document knows."""
    found: dict[str, dict[str, list[Member]]] = {}
    for member in files:
        folder, _, name = member.name.rpartition("/")
        match = _GENERATED.fullmatch(name)
        if match and folder.startswith("doc_") and "/" not in folder:
            found.setdefault(folder, {}).setdefault(match[1], []).append(member)
    return found


def _normalise_document(
    members: Members,
    by_name: Mapping[str, Member],
    folder: str,
    pictures: Mapping[str, list[Member]],
    entries: _Entries,
) -> None:
    """Give the pictures of a document their contents for a name, there and in the document."""
    for ending, generated in ((".xml", _generated_in_xml), (".html", _generated_in_html)):
        document = by_name.get(f"{folder}/{folder}{ending}")
        if document is None or document.size > _LARGEST_TEXT:
            continue
        text = members.read(document)
        text = _rename(text, generated(text), pictures, entries)
        entries[document.name] = _text_entry(document.name, text)


def _rename(
    text: bytes,
    generated: Iterable[bytes],
    pictures: Mapping[str, list[Member]],
    entries: _Entries,
) -> bytes:
    stable: dict[bytes, bytes] = {}
    for generated_name in generated:
        for member in pictures.get(generated_name.decode(), ()):
            folder, _, name = member.name.rpartition("/")
            prefix, ending = name[: -len("-" * 14 + ".png")], name[-len(".png") :]
            # No document can contain a zero byte.
            renamed = f"{prefix}\0{_content(member)}\0{ending}"
            stable[name.encode()] = renamed.encode()
            entries[member.name] = _entry(f"{folder}/{renamed}", member)

    def replace(match: re.Match[bytes]) -> bytes:
        # A document may show the large picture, the small one, or both.
        before = match[0][: -len(match[1])]
        return stable.get(match[0]) or before + stable.get(match[1], match[1])

    return _IN_TEXT.sub(replace, text)


def _generated_in_xml(text: bytes) -> Iterator[bytes]:
    """Those names that the document lists as made for the export.

    All three names of such a picture are one. What users write can't forge tags, as XML escapes it.
    """
    listed: dict[bytes, set[bytes]] = {}
    for match in _LISTED.finditer(b"\n".join(_lists(text))):
        listed.setdefault(match[2], set()).add(match[1])
    return (name for name, tags in listed.items() if tags == {b"fileName", b"name", b"linkFile"})


def _lists(text: bytes) -> Iterator[bytes]:
    """The lists of such pictures, each to its first closing tag, in a time linear in the text."""
    closings: dict[bytes, list[int]] = {}
    for match in _LIST_CLOSES.finditer(text):
        closings.setdefault(match[1], []).append(match.start())
    done = 0
    for match in _LIST_OPENS.finditer(text):
        ends = closings.get(match[1], [])
        index = bisect_left(ends, match.end())
        if match.start() >= done and index < len(ends):
            yield text[match.end() : ends[index]]
            done = ends[index]


def _generated_in_html(text: bytes) -> Iterator[bytes]:
    """Those names that the document shows, and that stand nowhere else in it.

    The name of a user's own file can look the same, but then nobody sees the name left out here.
    """
    shown = Counter(match[1] for match in _SHOWN.finditer(text))
    everywhere = Counter(match[1] for match in _IN_TEXT.finditer(text))
    return (name for name, count in shown.items() if count == everywhere[name])
