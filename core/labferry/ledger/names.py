"""The names of archives, for completion in a shell: read at once, or not at all."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

_PATIENCE = 0.2
"""Seconds: somebody waits with a finger on the tab key."""
_MOST = 200
_NEWEST = (
    "SELECT archive_id FROM copies "
    "WHERE substr(archive_id, 1, length(:begin)) = :begin "
    "AND stored_at IS NOT NULL AND removed_at IS NULL "
    "GROUP BY archive_id ORDER BY max(submitted_at) DESC LIMIT :most"
)


def archive_ids(path: Path, begin: str) -> Sequence[str]:
    """The ids of stored archives as the ledger knows them, the newest first, 200 at most.

    Nothing is mended or migrated, and none is made where there is none; one that can't be read
    names none.

    Args:
        path: The ledger.
        begin: What the ids begin with.
    """
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_PATIENCE)
        ) as connection:
            rows = connection.execute(_NEWEST, {"begin": begin, "most": _MOST}).fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        # SQLite quotes what it can't make sense of, and that need not be text any more.
        return []
    return [str(row[0]) for row in rows]
