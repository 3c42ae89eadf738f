"""Host keys that the DNS vouches for (SSHFP), where DNSSEC vouches for the DNS."""

import base64
import io
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import dns.exception
import dns.flags
import dns.name
import dns.rdtypes.ANY.SSHFP
import dns.resolver

from labferry.sdk import ConfigError, TransientError

_RESOLV_CONF = Path("/etc/resolv.conf")
_DOCKER = ip_address("127.0.0.11")
_SHA256 = 2
_UDP_BYTES = 1232
_KINDS = {
    1: (b"rsa-sha2-256", b"rsa-sha2-512"),
    3: (b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp384", b"ecdsa-sha2-nistp521"),
    4: (b"ssh-ed25519",),
    6: (b"ssh-ed448",),
}


@dataclass(frozen=True, slots=True)
class Published:
    """What the DNS says of a host's keys.

    Attributes:
        fingerprints: Theirs, as `ssh-keygen -l` shows them.
        kinds: What SSH calls their kinds.
    """

    fingerprints: frozenset[str]
    kinds: tuple[bytes, ...]


def published(host: str, seconds: float) -> Published | None:
    """The SSHFP records with SHA-256 that DNSSEC proves for a name; None where there are none.

    Args:
        host: The name.
        seconds: How long the resolver may take.

    Raises:
        ConfigError: Nobody on this machine can be trusted to have validated an answer.
        TransientError: The resolver does not answer, or found an answer that it must not pass on.
    """
    resolver = _resolver()
    try:
        answer = resolver.resolve(
            dns.name.from_text(host), "SSHFP", raise_on_no_answer=False, lifetime=seconds
        )
    except dns.resolver.NXDOMAIN:
        return None
    except dns.exception.DNSException as error:
        raise TransientError(
            f"The SSHFP records of {host} can't be looked up: {str(error).rstrip('.')}.",
            hint="If this persists, ask your DNS administrator to check the zone's DNSSEC "
            "signatures.",
        ) from error
    if answer.rrset is None or not answer.response.flags & dns.flags.AD:
        return None
    usable = [each for each in answer.rrset if each.fp_type == _SHA256]
    kinds = dict.fromkeys(kind for each in usable for kind in _KINDS.get(each.algorithm, ()))
    return Published(frozenset(map(_shown, usable)), tuple(kinds)) if usable else None


def _shown(record: dns.rdtypes.ANY.SSHFP.SSHFP) -> str:
    return "SHA256:" + base64.b64encode(record.fingerprint).decode("ascii").rstrip("=")


def _resolver() -> dns.resolver.Resolver:
    """The system's resolver, asked to say what it validated; only one whose word counts."""
    try:
        text = _RESOLV_CONF.read_text(encoding="utf-8", errors="replace")
        resolver = dns.resolver.Resolver(configure=False)
        resolver.read_resolv_conf(io.StringIO(text))
    except (OSError, dns.resolver.NoResolverConfiguration) as error:
        raise ConfigError(f"`sshfp` needs a resolver, but {_RESOLV_CONF}: {error}.") from error
    if not (_trusts(text) or all(_is_here(str(each)) for each in resolver.nameservers)):
        raise ConfigError(
            f"`sshfp` needs a resolver that validates DNSSEC, and {_RESOLV_CONF} names none that "
            "can be trusted.",
            hint="Run one on this machine, or add `options trust-ad` there if the way to the one "
            "that it names is safe; or set `host_key`.",
        )
    resolver.use_edns(0, dns.flags.DO, _UDP_BYTES)
    resolver.set_flags(dns.flags.RD | dns.flags.AD)
    return resolver


def _trusts(text: str) -> bool:
    """Whether the administrator vouches for the resolver and the way to it: resolv.conf(5)."""
    lines = [line.split() for line in text.splitlines()]
    return any(words[0] == "options" and "trust-ad" in words for words in lines if words)


def _is_here(nameserver: str) -> bool:
    """Whether it is on this machine; Docker's is, but passes on what anybody says."""
    address = ip_address(nameserver)
    return address.is_loopback and address != _DOCKER
