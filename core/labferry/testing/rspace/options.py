"""Everything a test can set about a server, besides who and what is on it."""

import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labferry.testing.rspace.big import BigArchive
from labferry.testing.rspace.jobs import JobTiming
from labferry.testing.rspace.repack import RealArchive
from labferry.testing.rspace.throttle import Throttling

HOUR = 3600.0


@dataclass
class Options:
    """Settings of a server; those without a note may be changed while it runs.

    Attributes:
        archives: What exports contain. Empty: generated from the world's records. Paths of real
            exports are packed anew under new names; the one for a request is of its format if
            there is one, and the same request always gets the same one.
        timing: How long jobs take.
        presigned: Give out presigned links to the second origin (``aws.s3.hasS3Access``).
        urls_prefix: What links start with (``server.urls.prefix``); the server's own address
            if None. It may name another host or end in ``/``.
        storage_time: Seconds an archive is kept (``archive.folder.storagetime``, 48 h).
        sweep_interval: Seconds between two deletions of expired archives.
        max_unpacked: Exports with more unpacked bytes than this fail (10,000 MB).
        disk_short: The disk check before an export fails.
        api_enabled: False is a server with its API switched off: 401 for everything.
        sysadmin_addresses_allowed: False: the caller's address is not on the whitelist.
        throttling: Rate limits; None is off, as by default. Set before the start.
        max_header_bytes: Longer request lines and headers are refused with 400 HTML (Tomcat).
        version: ``rspaceVersion`` of ``/status``. Before 2.25, an upload to S3 damages what comes
            after ``sound_bytes``, and the checksum is that of the archive before the upload.
        sound_bytes: How many bytes an older version uploads undamaged (2 GiB).
        tls: Serve both origins over TLS with this. Set before the start.
        clock: Seconds; a test may bring its own and move it. Set before the start.
    """

    archives: Sequence[Path | RealArchive | BigArchive] = ()
    timing: JobTiming = field(default_factory=JobTiming)
    presigned: bool = False
    urls_prefix: str | None = None
    storage_time: float = 48 * HOUR
    sweep_interval: float = HOUR / 2
    max_unpacked: int = 10_000 * 1024 * 1024
    disk_short: bool = False
    api_enabled: bool = True
    sysadmin_addresses_allowed: bool = True
    throttling: Throttling | None = None
    max_header_bytes: int = 8192
    version: str = "2.26.0"
    sound_bytes: int = 2 * 1024**3
    tls: ssl.SSLContext | None = None
    clock: Callable[[], float] = time.monotonic
