"""Everything a test can set about a simulated eLabFTW."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["ready", "failed", "stuck", "waits", "file lost", "no hash"]


@dataclass
class Options:
    """Settings of a server; all may be changed while it runs.

    Attributes:
        version: As ``elabftw_version_int``: 50612 is 5.6.12.
        seconds: How long the queue works on an export; it works on one at a time.
        outcome: What becomes of exports that are asked for from now on. ``stuck``: Processing for
            ever, as after a fatal error of PHP; ``waits``: Pending for ever, as after a restart;
            ``file lost``: ready, but the file is not there; ``no hash``: it could not be computed.
        error: What a failed export says.
        socket_down: The queue can't be reached: an export is answered with 500, but is there.
        site_url: What ``Location`` begins with; the server's own address if None.
        maintenance: GET is answered with 200 and a web page, everything else with 405.
        most_exports: How many exports a user may have, whatever their state.
        zone: Seconds that the database's times are ahead of UTC.
        clock: Seconds since the epoch.
    """

    version: int = 50612
    seconds: float = 0.02
    outcome: Outcome = "ready"
    error: str = "Something went wrong."
    socket_down: bool = False
    site_url: str | None = None
    maintenance: bool = False
    most_exports: int = 6
    zone: float = 7200.0
    clock: Callable[[], float] = time.time
