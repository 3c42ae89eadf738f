"""What tests need that this machine may lack: programs, permissions, a kind of network.

Without it, a test is left out. The end of a test run says what is missing, how many tests that
leaves out, and how to get it; see summary.py. If `CI` is set, such a test fails; see conftest.py.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

NEEDS = "needs "
"""The reason of a test that is left out begins with it; the thing, `: ` and the remedy follow."""

WITHOUT_PROGRAMS = "LABFERRY_TESTS_WITHOUT_PROGRAMS"
"""`--quick` sets it: what such tests show is the same for every Python."""

_PLACES = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/sbin:/bin"
_SYSTEM_FOLDER = Path("/sys/kernel")
_AS_ROOT = "run the tests as root"
_OTHERS = "files of other users"
_NAMESPACES = "file systems of its own (unshare --mount)"


def require_program(name: str, packages: str) -> str:
    """The path of a program; the test that asks is left out if there is none.

    Args:
        name: The program.
        packages: The packages of Debian that bring it, and whatever the test needs apart from it.
    """
    found = find_program(name)
    if found is None:
        leave_out(name, f"apt-get install {packages}")
    return found


def needs_program(name: str, packages: str) -> pytest.MarkDecorator:
    """A mark for tests, or a module's `pytestmark`, that leaves them out without a program."""
    reason = _reason(name, f"apt-get install {packages}")
    return pytest.mark.skipif(find_program(name) is None, reason=reason)


def require_root(what: str) -> None:
    """Leave out a test if root does not run it.

    Args:
        what: What only root can have, such as "a server on port 53".
    """
    if os.geteuid() != 0:
        leave_out(f"root ({what})", _AS_ROOT)


def needs_files_of_others() -> pytest.MarkDecorator:
    """A mark for tests that give files away; see `give`."""
    return pytest.mark.skipif(os.geteuid() != 0, reason=_reason(f"root ({_OTHERS})", _AS_ROOT))


def give(path: Path, user: int = -1, group: int = -1) -> None:
    """Make a file or folder another user's, or another group's; only root can."""
    require_root(_OTHERS)
    os.chown(path, user, group, follow_symlinks=False)


def require_ipv6() -> None:
    """Leave out a test if this machine has no IPv6 on loopback."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        leave_out("IPv6 on loopback", "sysctl net.ipv6.conf.lo.disable_ipv6=0")


def unwritable_folder(place: Path) -> Path:
    """A folder in which whoever runs the tests can't write.

    Args:
        place: Where to make one, if it is not root, who may write in all of those.
    """
    if os.geteuid() != 0:
        folder = place / "unwritable"
        folder.mkdir(mode=0o500)
        return folder
    if not _SYSTEM_FOLDER.parent.is_mount():
        leave_out("a folder that root can't write in (/sys)", "mount -t sysfs sysfs /sys")
    return _SYSTEM_FOLDER


def in_own_mounts(script: str, *, as_real_root: bool = False) -> list[str]:
    """The beginning of a command line: runs a script of shell where it alone sees its mounts.

    Args:
        script: The script. The words that are appended to the command are its `"$@"`.
        as_real_root: Whether it must be root everywhere, rather than there only.
    """
    unshare = require_program("unshare", "util-linux")
    options = _options_for_mounts(unshare, as_real_root=as_real_root)
    if options is None:
        leave_out(_NAMESPACES, "run the tests as root, not in a container")
    return [unshare, *options, "sh", "-c", script, "sh"]


def leave_out(what: str, remedy: str) -> NoReturn:
    """Leave out the test that calls this, or whose fixture calls it.

    Args:
        what: What this machine lacks.
        remedy: A command or a sentence that says how to get it.
    """
    pytest.skip(_reason(what, remedy))


def _reason(what: str, remedy: str) -> str:
    if WITHOUT_PROGRAMS in os.environ:
        return "--quick leaves out what needs more than pip installs"
    return f"{NEEDS}{what}: {remedy}"


def find_program(name: str) -> str | None:
    """The path of a program, also if it is where only root looks for programs.

    With `WITHOUT_PROGRAMS` in the environment no program is found.
    """
    if WITHOUT_PROGRAMS in os.environ:
        return None
    return shutil.which(name) or shutil.which(name, path=_PLACES)


@cache
def _options_for_mounts(unshare: str, *, as_real_root: bool) -> Sequence[str] | None:
    """What `unshare` takes on this machine; None if it allows nothing of the kind."""
    own_user = ["--user", "--map-root-user", "--mount"]
    for options in [["--mount"]] if as_real_root else [own_user, ["--mount"]]:
        mount = [unshare, *options, "mount", "-t", "tmpfs", "-o", "size=4k", "none", "/mnt"]
        if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
            return options
    return None
