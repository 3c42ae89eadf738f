"""The ledger's tables, as each version made them of what the one before had."""

MIGRATIONS = (
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        started_at TEXT NOT NULL,
        ended_at TEXT,
        exit_code INTEGER
    ) STRICT;
    CREATE TABLE exports (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL REFERENCES runs (id),
        source TEXT NOT NULL,
        source_type TEXT NOT NULL,
        source_url TEXT NOT NULL,
        lane TEXT NOT NULL,
        request TEXT NOT NULL,
        phase TEXT NOT NULL,
        job TEXT NOT NULL,
        seal INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX exports_open ON exports (phase) WHERE phase NOT IN ('done', 'unchanged', 'failed');
    CREATE INDEX exports_stored ON exports (source, json_extract(request, '$.series'), id)
        WHERE phase = 'done';
    CREATE TABLE deliveries (
        export INTEGER NOT NULL REFERENCES exports (id) ON DELETE CASCADE,
        destination TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        exit_code INTEGER NOT NULL,
        receipt TEXT,
        checkpoint TEXT NOT NULL DEFAULT '{}',
        PRIMARY KEY (export, destination)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE INDEX exports_runs ON exports (source, run);
    CREATE INDEX exports_series ON exports (source, json_extract(request, '$.series'));
    CREATE INDEX exports_unchanged ON exports (source, json_extract(request, '$.series'), run)
        WHERE phase = 'unchanged';
    CREATE TABLE copies (
        destination TEXT NOT NULL,
        archive_id TEXT NOT NULL,
        source TEXT NOT NULL,
        series TEXT NOT NULL,
        key TEXT NOT NULL,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        version_id TEXT,
        submitted_at INTEGER NOT NULL,
        export INTEGER,
        manifest TEXT,
        previous TEXT,
        sealed_at INTEGER,
        place INTEGER,
        stored_at INTEGER,
        checked TEXT,
        checked_at INTEGER,
        verified_at INTEGER,
        problem TEXT NOT NULL DEFAULT '',
        removing_at INTEGER,
        removed_at INTEGER,
        PRIMARY KEY (destination, archive_id)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX copies_chain ON copies (destination, place) WHERE place IS NOT NULL;
    CREATE INDEX copies_present
        ON copies (source, destination, series, submitted_at, size, stored_at, checked_at,
            verified_at, removing_at)
        WHERE stored_at IS NOT NULL AND removing_at IS NULL;
    CREATE INDEX copies_failing ON copies (destination, source)
        WHERE problem <> '' AND removing_at IS NULL;
    CREATE TABLE manifests (
        destination TEXT NOT NULL,
        archive_id TEXT NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (destination, archive_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE rounds (
        destination TEXT NOT NULL,
        began_at INTEGER NOT NULL,
        PRIMARY KEY (destination, began_at)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO copies (destination, archive_id, source, series, key, size, sha256, version_id,
            submitted_at, export, place, stored_at, checked, checked_at, verified_at)
        SELECT destination, archive_id, source, series, key, size, sha256, version_id,
            submitted_at, export, row_number() OVER (PARTITION BY destination ORDER BY export),
            stored_at, checked, CASE checked WHEN 'read-back' THEN stored_at END,
            CASE checked WHEN 'read-back' THEN stored_at END
        FROM (
            SELECT d.destination, e.source, e.id AS export,
                json_extract(d.receipt, '$.archive_id') AS archive_id,
                json_extract(e.request, '$.series') AS series,
                json_extract(d.receipt, '$.key') AS key,
                json_extract(d.receipt, '$.size') AS size,
                json_extract(e.job, '$.digests.sha256') AS sha256,
                json_extract(d.receipt, '$.version_id') AS version_id,
                json_extract(d.receipt, '$.checked') AS checked,
                1000000 * strftime('%s', json_extract(e.job, '$.submitted_at')) AS submitted_at,
                1000000 * strftime('%s', json_extract(e.job, '$.verified_at')) AS stored_at
            FROM deliveries d JOIN exports e ON e.id = d.export
            WHERE d.state = 'stored' AND json_valid(d.receipt) AND json_valid(e.job)
                AND json_valid(e.request)
        )
        WHERE sha256 IS NOT NULL AND submitted_at IS NOT NULL AND stored_at IS NOT NULL
            AND archive_id IS NOT NULL AND key IS NOT NULL AND size IS NOT NULL
        GROUP BY destination, archive_id;
    """,
    """
    CREATE TABLE milestones (
        name TEXT PRIMARY KEY,
        reached_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    """
    ALTER TABLE copies ADD COLUMN download_check TEXT;
    """,
    """
    CREATE TABLE releases (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source_type TEXT NOT NULL,
        source_url TEXT NOT NULL,
        lane TEXT NOT NULL,
        job TEXT NOT NULL,
        link TEXT NOT NULL,
        problem TEXT NOT NULL DEFAULT ''
    ) STRICT;
    """,
    """
    CREATE TABLE names (
        source TEXT NOT NULL,
        series TEXT NOT NULL,
        username TEXT,
        full_name TEXT,
        group_name TEXT,
        since INTEGER NOT NULL,
        PRIMARY KEY (source, series)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE outcomes (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        source TEXT NOT NULL,
        series TEXT NOT NULL,
        title TEXT NOT NULL,
        destination TEXT NOT NULL,
        outcome TEXT NOT NULL,
        exit_code INTEGER NOT NULL,
        archive_id TEXT,
        size INTEGER,
        reason TEXT NOT NULL
    ) STRICT;
    CREATE INDEX outcomes_run ON outcomes (run);
    CREATE INDEX outcomes_source ON outcomes (source, run);
    """,
    """
    ALTER TABLE copies ADD COLUMN away_since INTEGER;
    DROP INDEX copies_present;
    CREATE INDEX copies_present
        ON copies (source, destination, series, submitted_at, size, stored_at, checked_at,
            verified_at, removing_at, away_since)
        WHERE stored_at IS NOT NULL AND removing_at IS NULL AND away_since IS NULL;
    CREATE TABLE markers (
        destination TEXT NOT NULL,
        marker TEXT NOT NULL,
        place INTEGER NOT NULL,
        has_returned INTEGER NOT NULL,
        PRIMARY KEY (destination, marker)
    ) STRICT, WITHOUT ROWID;
    """,
)
"""Each script brings the file from the version before to the next. Never change one that was
released: add another.

A copy's times are microseconds since 1970, UTC: whatever a damaged disk makes of a number, it is
still one."""
