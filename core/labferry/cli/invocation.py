"""How to type the program that runs, for advice that can be followed as it is printed."""

import os
import shlex
import shutil
import sys
from pathlib import Path


def typed() -> str:
    """What a shell in this folder needs to start labferry again, quoted where it must be.

    That is `labferry` if the shell finds this very program by that name, the path by which it was
    started if not, and Python with the module if no such program was started.
    """
    started = Path(sys.argv[0])
    if started.name != "labferry" or not os.access(started, os.X_OK):
        return f"{shlex.quote(sys.executable)} -m labferry"
    on_path = shutil.which("labferry")
    if on_path is not None and Path(on_path).absolute() == started.absolute():
        return "labferry"
    return shlex.quote(str(started))
