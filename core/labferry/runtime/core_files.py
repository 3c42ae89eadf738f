"""No core files: they would hold the secrets that the process has in memory."""

import resource
from contextlib import suppress


def forbid_core_files() -> None:
    """Have the system write no core file of this process, and of those that it starts."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
