"""Keys for servers and accounts of tests."""

import subprocess
from pathlib import Path

import asyncssh
from tests.needs import require_program

_KINDS = {"ed25519": "ssh-ed25519", "ecdsa": "ecdsa-sha2-nistp256", "rsa": "ssh-rsa"}


def make_key(path: Path, *options: str, kind: str = "ed25519") -> Path:
    """A new key without a passphrase; with options, those of `ssh-keygen`, it makes the key."""
    if options:
        keygen = require_program("ssh-keygen", "openssh-client")
        secret = () if "-N" in options else ("-N", "")
        subprocess.run([keygen, "-q", "-t", kind, *secret, *options, "-f", path], check=True)
        return path
    key = asyncssh.generate_private_key(_KINDS[kind])
    path.touch(mode=0o600)
    key.write_private_key(path)
    key.write_public_key(path.with_suffix(".pub"))
    return path


def public_key(private: Path) -> str:
    """Kind and key, without the comment."""
    return " ".join(private.with_suffix(".pub").read_text().split()[:2])
