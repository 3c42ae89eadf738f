"""Beginnings of command lines that run a server with less than this machine has."""

import os
from pathlib import Path

from tests.needs import in_own_mounts


def in_a_small_disk(place: Path) -> list[str]:
    """A command that runs another one where it alone sees a disk of 4 MiB at `place`."""
    mount = f"mount -t tmpfs -o size=4m none '{place}' && exec \"$@\""
    if os.geteuid() == 0:
        return in_own_mounts(mount, as_real_root=True)
    # Mounting needs to be root within; the server needs to be the user that it was.
    back = ["unshare", "--user", f"--map-user={os.getuid()}", f"--map-group={os.getgid()}"]
    return [*in_own_mounts(mount), *back]


def with_small_files_only() -> list[str]:
    """A command that runs another one which can't make a file of more than 4 MiB."""
    return ["bash", "-c", 'trap "" XFSZ; ulimit -f 4096; exec "$@"', "bash"]
