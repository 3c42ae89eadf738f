"""A real resolver that validates DNSSEC, with zones of its own."""

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.dnssec
import dns.dnssectypes
import dns.name
import dns.rdataset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.needs import in_own_mounts, require_program
from tests.servers.processes import listens, running

SIGNED = "labs.example"
UNSIGNED = "plain.example"
_ZONE = """
$TTL 300
@ SOA ns.{zone}. admin.{zone}. 1 300 300 300 300
@ NS ns.{zone}.
ns A 127.0.0.1
"""
_CONFIG = """
server:
  interface: {address}
  port: 53
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{home}"
  pidfile: ""
  use-syslog: no
  module-config: "validator iterator"
  trust-anchor-file: "{home}/anchor"
remote-control:
  control-enable: no
"""
_SERVED = """
auth-zone:
  name: "{zone}"
  zonefile: "{home}/{zone}"
  for-upstream: yes
  for-downstream: no
  fallback-enabled: no
"""


def sshfp_records(host_key: Path) -> list[str]:
    """What OpenSSH says should be published of a key."""
    keygen = require_program("ssh-keygen", "openssh-client")
    command = [keygen, "-r", "host", "-f", str(host_key.with_suffix(".pub"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.removeprefix("host IN ") for line in done.stdout.splitlines()]


class Unbound:
    """A resolver that can be started.

    Args:
        home: An empty folder for its zones and configuration.
        signed: Names in the signed zone, each with its records.
        forged: Like them, but put in place of those once the zone is signed.
        unsigned: Names in the zone that is not signed.
    """

    def __init__(
        self,
        home: Path,
        signed: dict[str, list[str]],
        forged: dict[str, list[str]],
        unsigned: dict[str, list[str]],
    ) -> None:
        self.home = home
        # Names are asked for at port 53 only; of loopback addresses there are plenty.
        self.address = ".".join(["127", *(str(random.randint(2, 250)) for _ in range(3))])  # noqa: S311 - no secret
        zone = _zone(SIGNED, signed)
        self._sign(zone)
        for name, records in forged.items():
            honest = zone.find_rdataset(name, "SSHFP")
            zone.replace_rdataset(name, _records(records, honest.ttl))
        zone.to_file(str(home / SIGNED), relativize=False)
        _zone(UNSIGNED, unsigned).to_file(str(home / UNSIGNED), relativize=False)
        served = "".join(_SERVED.format(zone=each, home=home) for each in (SIGNED, UNSIGNED))
        config = _CONFIG.format(address=self.address, home=home)
        (home / "unbound.conf").write_text(config + served)

    @contextmanager
    def running(self) -> Iterator["Unbound"]:
        program = require_program("unbound", "unbound")
        command = [program, "-d", "-p", "-c", str(self.home / "unbound.conf")]
        with running(command, self.home / "unbound.log", lambda: listens(53, self.address)):
            yield self

    def used_by(self, *command: str, more: str = "", address: str | None = None) -> list[str]:
        """A command that runs another one for which this is the system's resolver."""
        conf = self.home / f"resolv-{os.urandom(4).hex()}.conf"
        conf.write_text(f"nameserver {address or self.address}\n{more}\n")
        script = f"mount --bind '{conf}' /etc/resolv.conf && exec \"$@\""
        return [*in_own_mounts(script, as_real_root=True), *command]

    def _sign(self, zone: dns.zone.Zone) -> None:
        private = ed25519.Ed25519PrivateKey.generate()
        public = dns.dnssec.make_dnskey(
            private.public_key(), dns.dnssectypes.Algorithm.ED25519, flags=257
        )
        dns.dnssec.sign_zone(zone, keys=[(private, public)], lifetime=86_400)
        (self.home / "anchor").write_text(f"{SIGNED}. 300 IN DNSKEY {public}\n")


def _zone(name: str, hosts: dict[str, list[str]]) -> dns.zone.Zone:
    lines = [_ZONE.format(zone=name)]
    for host, records in hosts.items():
        lines += [f"{host} {record}" for record in ("A 127.0.0.1", *records)]
    return dns.zone.from_text("\n".join(lines), origin=f"{name}.")


def _records(lines: list[str], ttl: int) -> dns.rdataset.Rdataset:
    return dns.rdataset.from_text("IN", "SSHFP", ttl, *(line.split(" ", 1)[1] for line in lines))
