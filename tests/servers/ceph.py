"""Ceph with its S3 gateway: a real store, of one monitor and one disk in memory."""

import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trustme
from tests.needs import require_program

from .processes import free_port, listens, running
from .s3_store import Store

KMS_KEY = "labferry-key"
_PACKAGES = "radosgw ceph-mon ceph-osd ceph-common"
_CONFIG = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_port}/0]
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
run dir = {home}
pid file = {home}/$name.pid
log file = {home}/$name.log
admin socket = {home}/$name.asok
osd objectstore = memstore
memstore device bytes = 4294967296
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 2
osd pool default pgp num = 2
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd crush update on start = true
osd max object name len = 2048
mon allow pool size one = true
mon max pg per osd = 2000
mon osd full ratio = 0.99
mon osd nearfull ratio = 0.98
mon data avail crit = 0
mon data avail warn = 0
ms bind ipv6 = false
[mon.a]
mon data = {home}/mon
[osd.0]
osd data = {home}/osd
[client.rgw.a]
ms mon client mode = crc
auth client required = none
rgw frontends = beast endpoint=127.0.0.1:{port} \\
  ssl_endpoint=127.0.0.1:{tls_port} ssl_certificate={home}/certificate.pem
rgw thread pool size = 64
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = {kms_key}=bGFiZmVycnktdGVzdHMtMzItYnl0ZXMtbG9uZy1rZXk=
rgw gc obj min wait = 0
rgw enable usage log = false
rgw max objs per shard = 100000
"""


class Ceph:
    """The cluster, and a way to give its users keys and quotas."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._config = home / "ceph.conf"
        self._fsid = str(uuid.uuid4())
        self.port = free_port()
        self._mon_port = free_port()
        self.tls_port = free_port()
        self.authority = home / "authority.pem"

    @contextmanager
    def running(self) -> Iterator["Ceph"]:
        for program in ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph"):
            require_program(program, _PACKAGES)
        (self._home / "osd").mkdir()
        self._configure()
        self._make_certificate()
        with ExitStack() as stack:
            self._start_monitor(stack)
            self._start_disk(stack)
            # Others may have taken the gateway's ports in the seconds that this took.
            self.port, self.tls_port = free_port(), free_port()
            self._configure()
            self._start_gateway(stack)
            yield self

    def _configure(self) -> None:
        self._config.write_text(
            _CONFIG.format(
                fsid=self._fsid,
                home=self._home,
                mon_port=self._mon_port,
                port=self.port,
                tls_port=self.tls_port,
                kms_key=KMS_KEY,
            )
        )

    def user(self, name: str, *caps: str) -> Store:
        """Make a user with a key of its own."""
        access, secret = f"{name}access", f"{name}secret0123456789"
        self._run(
            "radosgw-admin",
            "-n",
            "client.rgw.a",
            "user",
            "create",
            f"--uid={name}",
            f"--display-name={name}",
            f"--access-key={access}",
            f"--secret-key={secret}",
            *caps,
        )
        return Store(f"http://127.0.0.1:{self.port}", access, secret)

    def limit(self, name: str, size: int) -> None:
        """Give a user a quota, in bytes."""
        for verb in (("set", f"--max-size={size}"), ("enable",)):
            self._run(
                "radosgw-admin",
                "-n",
                "client.rgw.a",
                "quota",
                verb[0],
                "--quota-scope=user",
                f"--uid={name}",
                *verb[1:],
            )

    def collect_garbage(self) -> None:
        """Give back the memory of what was removed, which otherwise takes hours."""
        self._run(
            *("radosgw-admin", "-n", "client.rgw.a", "gc", "process", "--include-all"),
        )

    def _make_certificate(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_and_cert_chain_pem.write_to_path(self._home / "certificate.pem")

    def _start_monitor(self, stack: ExitStack) -> None:
        monmap = str(self._home / "monmap")
        self._run(
            "monmaptool",
            "--create",
            "--fsid",
            self._fsid,
            "--addv",
            "a",
            f"[v2:127.0.0.1:{self._mon_port}/0]",
            monmap,
        )
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap)
        self._start(stack, "ceph-mon", lambda: listens(self._mon_port), "-i", "a")

    def _start_disk(self, stack: ExitStack) -> None:
        identity = str(uuid.uuid4())
        self._run("ceph", "osd", "new", identity)
        self._run("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", identity)
        self._start(
            stack, "ceph-osd", lambda: b"1 up" in self._run("ceph", "osd", "stat"), "-i", "0"
        )

    def _start_gateway(self, stack: ExitStack) -> None:
        self._start(stack, "radosgw", lambda: listens(self.port), "-n", "client.rgw.a")

    def _start(
        self, stack: ExitStack, program: str, ready: Callable[[], bool], *arguments: str
    ) -> None:
        command = self._command(program, "-f", *arguments)
        stack.enter_context(running(command, self._home / f"{program}.out", ready))

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [require_program(program, _PACKAGES), "-c", str(self._config), *arguments]

    def _run(self, program: str, *arguments: str) -> bytes:
        done = subprocess.run(
            self._command(program, *arguments), capture_output=True, timeout=90, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace')[-2000:]}")
        return done.stdout
