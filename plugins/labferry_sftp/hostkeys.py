"""Which host keys are trusted, and what to tell where one is not."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs
from typing_extensions import override

from labferry.sdk import ConfigError, RefusedError
from labferry_sftp.settings import SftpSettings

__all__ = ["HostKeys", "Stranger"]

_SYSTEM = Path("/etc/ssh/ssh_known_hosts")
_PORT = 22


@dataclass(frozen=True, slots=True)
class Stranger:
    """A host key that was refused.

    Attributes:
        line: What would have to stand in the file of known hosts to accept it.
        fingerprint: As `ssh-keygen -l` shows it.
        new: Whether nothing at all is known of this host, so that it may be trusted on first use.
        error: What to tell.
    """

    line: str
    fingerprint: str
    new: bool
    error: RefusedError


class HostKeys:
    """The host keys that a destination's settings trust.

    Args:
        settings: The settings.

    Attributes:
        stranger: The key that was refused, if one was.
        may_have_another: Whether the server may hold a trusted key of another kind, now to be asked
            for: it shows one key at a time, of the first kind in the client's list that it has.
    """

    def __init__(self, settings: SftpSettings) -> None:
        self._settings = settings
        self._file = settings.known_hosts or Path("~/.ssh/known_hosts").expanduser()
        self.stranger: Stranger | None = None
        self.may_have_another = False
        self._unfit: set[bytes] = set()
        self._wanted: list[bytes] = []
        self._known = asyncssh.SSHKnownHosts()
        for path in [settings.known_hosts] if settings.known_hosts else [self._file, _SYSTEM]:
            self._load(path)

    def options(self, host: str, port: int | None, *, pinned: bool) -> dict[str, object]:
        """What asyncssh is told so that it accepts no other key.

        Args:
            host: The host to connect to.
            port: Its port, if it is known.
            pinned: Whether `host_key` of the settings is for this host.
        """
        pin = self._settings.host_key if pinned else None
        known: object = ([], [], []) if pin else self._known
        return {
            "known_hosts": known,
            "client_factory": lambda: _Verifier(self._judge(pin)),
            "server_host_key_algs": self._algorithms(host, port, pin),
        }

    def add(self, line: str) -> Path:
        """Add a line to the file of known hosts, which is made if there is none."""
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "r+b") as file:
                file.seek(0)
                unfinished = file.read()[-1:] not in {b"", b"\n"}
                file.write(b"\n" * unfinished + line.encode() + b"\n")
        except OSError as error:
            raise ConfigError(f"{self._file} can't be written: {error.strerror}.") from error
        return self._file

    def _load(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConfigError(f"{path} can't be read: {error.strerror}.") from error
        for line in text.splitlines():
            with suppress(ValueError):  # as OpenSSH does, a line that is no entry is passed over
                self._known.load(line)

    def _algorithms(self, host: str, port: int | None, pin: str | None) -> Sequence[str]:
        """Kinds of keys to ask for: the known ones first, then all, so that a change is seen."""
        keys, authorities = self._trusted(host, "", port)
        first = [*self._wanted, *_kinds(keys)]
        if authorities:
            first = [*get_default_certificate_algs(), *first]
        if pin:
            first = [] if _is_fingerprint(pin) else [*_imported(pin).sig_algorithms]
        every = dict.fromkeys([*first, *get_default_public_key_algs()])
        return [each.decode("ascii") for each in every if not pin or each not in self._unfit]

    def _trusted(
        self, host: str, address: str, port: int | None
    ) -> tuple[Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey]]:
        """The keys that are known of a host, and those of authorities for it."""
        match = self._known.match(host, address, None if port in {None, _PORT} else port)
        return match[0], match[1]

    def _judge(self, pin: str | None) -> "Callable[[str, str, int, asyncssh.SSHKey], bool]":
        def judge(host: str, address: str, port: int, key: asyncssh.SSHKey) -> bool:
            if pin and _same(pin, key):
                return True
            keys, _ = self._trusted(host, address, port)
            self.may_have_another = _is_fingerprint(pin) if pin else self._learn(keys, key)
            self._unfit.update(key.sig_algorithms)
            self.stranger = self._describe(host, address, port, key, pin)
            return False

        return judge

    def _learn(self, known: Sequence[asyncssh.SSHKey], shown: asyncssh.SSHKey) -> bool:
        """Note the kinds that are known, where they came to light only with the address."""
        news = [each for each in _kinds(known) if each not in self._wanted]
        self._wanted += news
        return bool(news) and shown.algorithm not in {each.algorithm for each in known}

    def _describe(
        self, host: str, address: str, port: int, key: asyncssh.SSHKey, pin: str | None
    ) -> Stranger:
        place = host if port == _PORT else f"[{host}]:{port}"
        line = f"{place} {_public(key)}"
        fingerprint = key.get_fingerprint()
        shown = f"{place} shows the host key {key.get_algorithm()} {fingerprint}"
        keys, authorities = self._trusted(host, address, port)
        known = [*keys, *authorities]
        if pin:
            error = RefusedError(f"{shown}, not the one in `host_key`.", hint=_WARNING)
        elif known:
            others = ", ".join(f"{each.get_algorithm()} {each.get_fingerprint()}" for each in known)
            error = RefusedError(
                f"{shown}, but known for it is {others}.",
                hint=f"{_WARNING} If it is right, put this line in place of the old one in "
                f"{self._file}: {line}",
            )
        else:
            error = RefusedError(
                f"{shown}, which is not known.",
                hint="Compare the fingerprint with what the server's administrator says. If it is "
                f"right, add this line to {self._file}: {line} - or have it added by: labferry "
                "check --accept-new-host-key",
            )
        return Stranger(line, fingerprint, not (pin or known), error)


class _Verifier(asyncssh.SSHClient):
    """Asked by asyncssh about every host key that is not in the files of known hosts."""

    def __init__(self, judge: "Callable[[str, str, int, asyncssh.SSHKey], bool]") -> None:
        self._judge = judge

    @override
    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        return self._judge(host, addr, port, key)


_WARNING = (
    "Either the server was set up anew, or somebody is listening in between: ask its administrator "
    "on another way before going on."
)


def _imported(pin: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(pin)
    except asyncssh.KeyImportError:
        raise ConfigError("`host_key` is not a whole public key.") from None


def _public(key: asyncssh.SSHKey) -> str:
    kind, blob, *_ = key.export_public_key().decode("ascii").split()
    return f"{kind} {blob}"


def _kinds(keys: Sequence[asyncssh.SSHKey]) -> list[bytes]:
    return [each for key in keys for each in key.sig_algorithms]


def _is_fingerprint(pin: str) -> bool:
    return pin.startswith("SHA256:")


def _same(pin: str, key: asyncssh.SSHKey) -> bool:
    if _is_fingerprint(pin):
        return key.get_fingerprint().rstrip("=") == pin.rstrip("=")
    return pin.split()[:2] == _public(key).split()
