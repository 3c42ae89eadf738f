"""Looking inside an Inventory export: a zip with tables, or one table.

Two exports of the same items differ in the moment that each table names in its head and, in a zip,
in the moment in the files' names. Written from rspace-web's CsvExportCommentGenerator.
"""

import hashlib
import io
import re
from typing import BinaryIO

from labferry.sdk import Contents, IntegrityError
from labferry_rspace.members import Member, Members

_LARGEST = 64 * 1024 * 1024
_EXPORTED_AT = re.compile(
    rb"^(# Exported by: [^\r\n]*\r?\n# Exported at: )[\d:TZ.-]+(\r?\n# RSpace URL: )", re.MULTILINE
)
_NAME = re.compile(r"rsinventory_export_[\dTZ-]+_(\w+\.csv)", re.ASCII)


def examine_table(table: BinaryIO) -> Contents:
    """One table for everything: nothing but size and checksum can tell whether it is whole."""
    if table.seek(0, io.SEEK_END) > _LARGEST:
        return Contents(1, None)
    table.seek(0)
    return Contents(1, _digest([_stable(table.read())]))


def examine_tables(archive: BinaryIO, *, verify: bool) -> Contents:
    """A zip with a table for each kind of item.

    Raises:
        IntegrityError: It is damaged inside, or holds something else.
    """
    members = Members(archive)
    if not verify:
        return Contents(len(members.files), None)
    members.check()
    for member in members.files:
        if not member.name.endswith(".csv"):
            raise IntegrityError("The archive holds more than tables: it is no Inventory export.")
    is_large = any(member.size > _LARGEST for member in members.files)
    if is_large or not members.has_distinct_names:
        return Contents(len(members.files), None)
    entries = [_entry(members, member) for member in members.files]
    return Contents(len(entries), _digest(sorted(entries)))


def _entry(members: Members, member: Member) -> bytes:
    match = _NAME.fullmatch(member.name)
    name = match[1] if match else member.name
    content = hashlib.sha256(_stable(members.read(member))).hexdigest()
    return f"{name}\n{content}".encode("utf-8", "surrogatepass")


def _stable(table: bytes) -> bytes:
    return _EXPORTED_AT.sub(rb"\1\2", table)


def _digest(entries: list[bytes]) -> str:
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(len(entry).to_bytes(8, "big") + entry)
    return digest.hexdigest()
