"""Everything a test can set about a simulated InvenioRDM."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

GB = 1000**3


@dataclass(frozen=True)
class RateLimit:
    """So many requests of one caller in a window of so many seconds."""

    requests: int
    seconds: float


@dataclass
class InvenioOptions:
    """Settings of a server; all but ``zenodo`` and the clock may be changed while it runs.

    Attributes:
        zenodo: As zenodo.org: numeric ids, ``application/json`` is the legacy shape, restricted
            records are refused, 50 GB instead of 10. False: a plain InvenioRDM.
        mints_dois: DOIs are registered on publishing, and a publisher is required.
        doi_prefix: What the DOIs begin with; 10.5072 is the one for tests.
        quota: Bytes in one record; None: 50 GB on Zenodo, 10 GB elsewhere.
        max_file_size: Bytes in one file; None: as ``quota``.
        max_files: Files in one record.
        index_delay: Seconds until a search sees a change, deletions included.
        race_window: Seconds between looking and acting in registering, publishing and making a
            version, in which a parallel request does not see this one.
        interrupted_put: The status of an upload that broke off: 200 with ``errors``
            (records-resources 8 and later) or 400 (7 and earlier).
        interrupted_entry: What becomes of such a file's entry.
        chunked_bodies: What is stored of a body without Content-Length.
        omitted_pids: What a PUT without ``pids`` does to them; older servers lose them.
        new_version_date: The publication date of a new version.
        ranges: Downloads answer range requests.
        links_url: What ``links`` and redirects begin with; the server's own address if None.
        rate: The limit on all requests of one caller.
        search_rate: A further limit, on searches.
        clock: Seconds since the epoch; a test may bring its own and move it.
    """

    zenodo: bool = False
    mints_dois: bool = True
    doi_prefix: str = "10.5072"
    quota: int | None = None
    max_file_size: int | None = None
    max_files: int = 100
    index_delay: float = 0.0
    race_window: float = 0.0
    interrupted_put: Literal[200, 400] = 200
    interrupted_entry: Literal["removed", "pending"] = "removed"
    chunked_bodies: Literal["empty", "stored"] = "empty"
    omitted_pids: Literal["kept", "lost"] = "kept"
    new_version_date: Literal["today", "missing"] = "today"
    ranges: bool = False
    links_url: str | None = None
    rate: RateLimit = field(default_factory=lambda: RateLimit(5000, 3600))
    search_rate: RateLimit | None = None
    clock: Callable[[], float] = time.time

    @property
    def record_quota(self) -> int:
        """Bytes that fit into one record."""
        if self.quota is not None:
            return self.quota
        return 50 * GB if self.zenodo else 10 * GB

    @property
    def file_limit(self) -> int:
        """Bytes that fit into one file."""
        return self.record_quota if self.max_file_size is None else self.max_file_size
