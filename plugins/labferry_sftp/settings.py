"""The keys of a destination of type `sftp`."""

import re
from datetime import timedelta
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from labferry.sdk import Duration, FilePath, PrivateFilePath, Secret, SinkSettings
from labferry_sftp.places import hops

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
_PUBLIC_KEY = re.compile(r"(ssh|ecdsa|sk)-\S+ AAAA[A-Za-z0-9+/]+={0,2}( .*)?")


def _not_a_key(value: object) -> object:
    """Keep a key that was pasted in place of its path from being taken, and shown, as a path."""
    if isinstance(value, str) and "PRIVATE KEY" in value:
        raise ValueError("a path; the key itself is a secret")
    return value


def _host(value: str) -> str:
    if value.startswith("-") or any(each.isspace() or each in "/@[]" for each in value):
        raise ValueError('a host name or an address only, such as "backup.example.edu"')
    return value


def _remote_path(value: str) -> str:
    if "\0" in value or "\n" in value:
        raise ValueError("a path")
    return value


def _hops(value: str) -> str:
    hops(value)
    return value


def _pinned(value: str) -> str:
    if _FINGERPRINT.fullmatch(value) or _PUBLIC_KEY.fullmatch(value):
        return value
    raise ValueError(
        "a fingerprint as `ssh-keygen -l` shows it (SHA256:…) or a public key (ssh-ed25519 AAAA…)"
    )


class SftpSettings(SinkSettings):
    """The keys of a destination of type `sftp`."""

    upload_checks: ClassVar[frozenset[str]] = frozenset({"readback", "size", "auto"})

    host: Annotated[str, Field(min_length=1), AfterValidator(_host)]
    """The server's name or address, or with `ssh_config` the name that it has there."""

    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Its port; the default is 22."""

    username: Annotated[str, Field(min_length=1)] | None = None
    """The account on the server; the default is the name of the user that runs labferry."""

    path: Annotated[str, Field(min_length=1), AfterValidator(_remote_path)]
    """The folder that keeps the archives, as the account sees it; without a leading `/`, it is
    relative to the folder in which the account's sessions begin. It must exist. labferry does not
    create it, so that you notice if a disk is not mounted."""

    private_key: (
        Annotated[
            Annotated[PrivateFilePath, BeforeValidator(_not_a_key)] | Secret,
            Field(union_mode="left_to_right"),
        ]
        | None
    ) = None
    """The private key to log in with: the path of its file, or the key itself as a secret."""

    passphrase: Secret | None = None
    """The passphrase of the private key."""

    certificate: FilePath | None = None
    """The OpenSSH certificate that was issued for the private key."""

    agent: bool | FilePath | None = None
    """Whether to use the keys of the SSH agent at `$SSH_AUTH_SOCK`, or the path of an agent's
    socket. By default, they are used if neither a key nor a password is set."""

    password: Secret | None = None
    """The account's password. A key is better: it can be restricted on the server."""

    known_hosts: FilePath | None = None
    """The file of known host keys to trust, instead of `~/.ssh/known_hosts` and
    `/etc/ssh/ssh_known_hosts`."""

    host_key: Annotated[str, AfterValidator(_pinned)] | None = None
    """The only host key to accept, regardless of the files of known hosts: its SHA-256 fingerprint
    as `ssh-keygen -l` shows it, or the public key."""

    sshfp: bool = False
    """Whether to trust an unknown host because of the SSHFP records of its name, if DNSSEC proves
    them. Needs a resolver that validates, on this machine or with `trust-ad` in
    `/etc/resolv.conf`."""

    proxy_jump: Annotated[str, AfterValidator(_hops)] | None = None
    """The jump hosts, as `[user@]host[:port]`, separated by commas. labferry uses the same key,
    agent and known hosts there; it does not send the password there."""

    ssh_config: bool | FilePath = False
    """Whether to read settings that are missing here from `~/.ssh/config`, or the path of such a
    file. Trusted host keys are never read from there."""

    connect_timeout: Annotated[Duration, Field(gt=timedelta())] = timedelta(seconds=30)
    """How long connecting and logging in may take."""

    keepalive: Annotated[Duration, Field(gt=timedelta())] = timedelta(seconds=15)
    """How long the server may be silent before labferry sends a keep-alive message. After three
    without an answer, labferry gives the connection up."""

    timeout: Annotated[Duration, Field(gt=timedelta())] = timedelta(minutes=5)
    """How long the server may take to answer one request."""

    upload_check: str = "readback"
    """How an upload is checked: `"readback"` reads every byte back, `"size"` compares the size
    only, and `"auto"` lets the server compute the SHA-256 if it can, and else reads back."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.certificate is not None and self.private_key is None:
            raise ValueError("A `certificate` needs the `private_key` that it was issued for.")
        if self.passphrase is not None and self.private_key is None:
            raise ValueError("A `passphrase` needs the `private_key` that it opens.")
        return self
