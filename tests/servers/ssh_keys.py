"""Keys that `ssh-keygen` makes, for servers and accounts of tests."""

import subprocess
from pathlib import Path

from tests.needs import require_program


def make_key(path: Path, *options: str, kind: str = "ed25519") -> Path:
    """A new key without a passphrase, unless the options give one."""
    keygen = require_program("ssh-keygen", "openssh-client")
    secret = () if "-N" in options else ("-N", "")
    subprocess.run([keygen, "-q", "-t", kind, *secret, *options, "-f", path], check=True)
    return path


def public_key(private: Path) -> str:
    """Kind and key, without the comment."""
    return " ".join(private.with_suffix(".pub").read_text().split()[:2])
