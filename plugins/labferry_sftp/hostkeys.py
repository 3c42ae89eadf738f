"""Which host keys are trusted, and what to tell where one is not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

from labferry.sdk import ConfigError, PluginError, RefusedError
from labferry_sftp.knownhosts import KnownHosts, Noted
from labferry_sftp.route import Target
from labferry_sftp.settings import SftpSettings

if TYPE_CHECKING:
    from labferry_sftp.sshfp import Published

Judge = Callable[[str, str, int, asyncssh.SSHKey], bool]
"""Whether a key of a host's is trusted: its name, address and port, and the key."""


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
        self._known = KnownHosts(settings.known_hosts)
        self.stranger: Stranger | None = None
        self.may_have_another = False
        self._unfit: set[bytes] = set()
        self._wanted: list[bytes] = []
        self._published: dict[str, Published | None] = {}

    def options(self, target: Target, *, pinned: bool) -> dict[str, object]:
        """The options with which asyncssh takes known keys only, and asks about all others.

        Args:
            target: The host to connect to.
            pinned: Whether `host_key` of the settings is for this host.

        Raises:
            LabferryError: The DNS had to be asked about the host, and that failed.
        """
        trust = self._trust(target, "", pinned=pinned)
        return {
            "known_hosts": ([], [], []) if trust.pin else self._known.entries,
            "server_host_key_algs": self._algorithms(trust),
            "x509_trusted_certs": [],
            "x509_trusted_cert_paths": [],
        }

    def judge(self, target: Target, *, pinned: bool) -> Judge:
        """Who judges the keys that are not in the files of known hosts; arguments as above."""

        def judge(_host: str, address: str, _port: int, key: asyncssh.SSHKey) -> bool:
            trust = self._trust(target, address, pinned=pinned)
            if trust.accepts(key):
                return True
            if trust.pin:
                is_new_kind = not self._unfit.issuperset(key.sig_algorithms)
                self.may_have_another = is_new_kind and _is_fingerprint(trust.pin)
                self._unfit.update(key.sig_algorithms)
            else:
                self.may_have_another = self._learn(trust.noted.keys, key)
            self.stranger = _stranger(target, key, trust, self._known.file)
            return False

        return judge

    def _trust(self, target: Target, address: str, *, pinned: bool) -> "_Trust":
        pin = self._settings.host_key if pinned else None
        noted = self._known.noted(target.known_name, address, target.port)
        ask = self._settings.sshfp and target.has_name and not (pin or noted.known)
        return _Trust(pin, noted, self._look_up(target.host) if ask else None)

    def _look_up(self, host: str) -> "Published | None":
        if host not in self._published:
            try:
                from labferry_sftp.sshfp import published  # noqa: PLC0415 - of an extra
            except ImportError as error:
                raise PluginError(
                    f"`sshfp` needs dnspython, which can't be imported: {error}.",
                    hint='Install it: pip install "labferry[sshfp]"',
                ) from error
            seconds = self._settings.connect_timeout.total_seconds()
            self._published[host] = published(host, seconds)
        return self._published[host]

    def _algorithms(self, trust: "_Trust") -> Sequence[str]:
        """Kinds of keys to ask for: the known ones first, then all, so that a change is seen."""
        first = [*self._wanted, *trust.kinds]
        if trust.noted.authorities:
            first = [*get_default_certificate_algs(), *first]
        if trust.pin:
            first = [] if _is_fingerprint(trust.pin) else [*_imported(trust.pin).sig_algorithms]
        every = dict.fromkeys([*first, *get_default_public_key_algs()])
        return [each.decode("ascii") for each in every if not trust.pin or each not in self._unfit]

    def _learn(self, known: Sequence[asyncssh.SSHKey], shown: asyncssh.SSHKey) -> bool:
        """Note the kinds that are known, where they came to light only with the address."""
        news = [each for each in _kinds(known) if each not in self._wanted]
        self._wanted += news
        return bool(news) and shown.algorithm not in {each.algorithm for each in known}


@dataclass(frozen=True, slots=True)
class _Trust:
    """What is trusted of one host: what comes first counts alone.

    Attributes:
        pin: The settings' `host_key`.
        noted: What the files of known hosts say.
        published: What the DNS says.
    """

    pin: str | None
    noted: Noted
    published: "Published | None"

    @property
    def kinds(self) -> list[bytes]:
        """The kinds of the keys that are trusted."""
        return [*_kinds(self.noted.keys), *(self.published.kinds if self.published else ())]

    def accepts(self, key: asyncssh.SSHKey) -> bool:
        """Whether a key is trusted that is in no file of known hosts."""
        if self.pin:
            return _same(self.pin, key)
        if self.noted.known or key in self.noted.revoked or self.published is None:
            return False
        return _fingerprint(key) in self.published.fingerprints

    def refusal(self, key: asyncssh.SSHKey) -> tuple[str, str, bool]:
        """Why a key is refused, what to do to accept it, and whether it is not just unknown."""
        if self.pin:
            return "not the one in `host_key`", "", True
        if key in self.noted.revoked:
            return "which is revoked", "", True
        if self.noted.known:
            return f"but known for it is {_named(self.noted.known)}", _REPLACE, True
        if self.published:
            others = ", ".join(sorted(self.published.fingerprints))
            return f"but DNSSEC proves SSHFP records of {others}", "", True
        return "which is not known", _ADD, False


def _stranger(target: Target, key: asyncssh.SSHKey, trust: _Trust, file: Path) -> Stranger:
    line, fingerprint = f"{target.known_as} {_public(key)}", key.get_fingerprint()
    reason, remedy, suspicious = trust.refusal(key)
    error = RefusedError(
        f"{target.known_as} shows the host key {key.get_algorithm()} {fingerprint}, {reason}.",
        hint=(_WARNING * suspicious + remedy.format(file=file, line=line)).strip(),
    )
    return Stranger(line, fingerprint, not suspicious, error)


_WARNING = (
    "Either the server was set up anew, or somebody is listening in between: ask its administrator "
    "on another way before going on. "
)
_REPLACE = "If it is right, put this line in place of the old one in {file}: {line}"
_ADD = (
    "Compare the fingerprint with what the server's administrator says. If it is right, add this "
    "line to {file}: {line} - or have it added by: labferry check --accept-new-host-key"
)


def _imported(pin: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(pin)
    except asyncssh.KeyImportError:
        raise ConfigError("`host_key` is not a whole public key.") from None


def _public(key: asyncssh.SSHKey) -> str:
    kind, blob, *_ = key.export_public_key().decode("ascii").split()
    return f"{kind} {blob}"


def _named(keys: Sequence[asyncssh.SSHKey]) -> str:
    return ", ".join(f"{each.get_algorithm()} {each.get_fingerprint()}" for each in keys)


def _fingerprint(key: asyncssh.SSHKey) -> str:
    return key.get_fingerprint().rstrip("=")


def _kinds(keys: Sequence[asyncssh.SSHKey]) -> list[bytes]:
    return [each for key in keys for each in key.sig_algorithms]


def _is_fingerprint(pin: str) -> bool:
    return pin.startswith("SHA256:")


def _same(pin: str, key: asyncssh.SSHKey) -> bool:
    if _is_fingerprint(pin):
        return _fingerprint(key) == pin.rstrip("=")
    return pin.split()[:2] == _public(key).split()
