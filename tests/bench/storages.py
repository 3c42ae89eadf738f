"""The storages of the benchmarks, and other programs that upload to them."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.needs import require_program
from tests.plugins.labferry_s3.bucket import PREFIX, Bucket
from tests.servers.ceph import Ceph
from tests.servers.openssh import OpenSsh
from tests.servers.s3_store import Store
from tests.servers.ssh_keys import public_key

from labferry.sdk import JsonValue

from .site import cost
from .tools import environment

_CIPHER = "aes128-gcm@openssh.com"  # what labferry and the server agree on
_BOTO3 = """
import sys, boto3
url, bucket, key, path = sys.argv[1:]
boto3.client("s3", endpoint_url=url, region_name="us-east-1").upload_file(path, bucket, key)
"""

Upload = Callable[[], object]


def emptied(folder: Path) -> list[int]:
    """Remove all files below a folder; gives their sizes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    sizes = [path.stat().st_size for path in files]
    for path in files:
        path.unlink()
    return sizes


@dataclass(frozen=True)
class S3Bucket:
    """A bucket of a real store.

    Attributes:
        ceph: The store.
        bucket: The bucket.
        url: The address at which the store is reached.
    """

    ceph: Ceph
    bucket: Bucket
    url: str

    @property
    def table(self) -> dict[str, JsonValue]:
        """Its table in a configuration."""
        table = self.bucket.settings(endpoint_url=self.url)
        return {key: table[key] for key in table if key not in {"part_size", "timeout"}}

    def aws(self, file: Path) -> Upload:
        """Uploads with aws cli."""
        target = f"s3://{self.bucket.name}/{PREFIX}by-aws"
        options = ["--endpoint-url", self.url, "--only-show-errors"]
        return self._by([environment("aws") / "aws", "s3", "cp", file, target, *options])

    def boto3(self, file: Path) -> Upload:
        """Uploads with boto3."""
        where = [self.url, self.bucket.name, f"{PREFIX}by-boto3"]
        return self._by([environment("aws") / "python", "-c", _BOTO3, *where, file])

    def rclone(self, file: Path) -> Upload:
        """Uploads with rclone."""
        remote = f":s3,provider=Ceph,env_auth,endpoint='{self.url}'"
        target = f"{remote}:{self.bucket.name}/{PREFIX}by-rclone"
        return self._by([environment("rclone") / "rclone", "copyto", file, target])

    def empty(self) -> list[int]:
        """Remove everything, and let the store have its memory back; gives the sizes."""
        names = self.bucket.names()
        for name in names:
            self.bucket.remove(name)
        self.ceph.collect_garbage()
        return list(names.values())

    def _by(self, command: list[str | Path]) -> Upload:
        variables = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": self.bucket.store.access_key,
            "AWS_SECRET_ACCESS_KEY": self.bucket.store.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "RCLONE_CONFIG": os.devnull,
        }
        return lambda: cost(command, environment=variables)


@contextmanager
def s3_store() -> Iterator[Callable[[], S3Bucket]]:
    """Makes empty buckets in one store, which is started when the first of them is asked for."""
    with ExitStack() as stack:

        @cache
        def started() -> tuple[Ceph, Store]:
            home = stack.enter_context(TemporaryDirectory(prefix="labferry-ceph-"))
            ceph = stack.enter_context(Ceph(Path(home)).running())
            return ceph, ceph.user("bench")

        def bucket() -> S3Bucket:
            ceph, store = started()
            return S3Bucket(ceph, Bucket(store), store.url)

        yield bucket


@dataclass(frozen=True)
class SshServer:
    """An OpenSSH server.

    Attributes:
        server: The server.
        root: The folder that keeps what is uploaded.
        port: Where the server is reached.
    """

    server: OpenSsh
    root: Path
    port: int

    @property
    def table(self) -> dict[str, JsonValue]:
        """Its table in a configuration."""
        pin = public_key(self.server.host_keys[0])
        return self.server.settings(self.root, port=self.port, known_hosts=None, host_key=pin)

    def sftp(self, file: Path, *options: str) -> Upload:
        """Uploads with OpenSSH's sftp.

        Args:
            file: What to upload.
            options: Options of its `put`.
        """
        batch = file.with_suffix(".batch")
        batch.write_text(f"put {' '.join(options)} {file} {self.root}/by-sftp\n")
        command = [require_program("sftp", "openssh-client"), "-q", "-b", str(batch)]
        command += ["-P", str(self.port), "-i", str(self.server.key), "-c", _CIPHER]
        command += ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={os.devnull}"]
        return lambda: cost([*command, f"{self.server.user}@127.0.0.1"])

    def rclone(self, file: Path) -> Upload:
        """Uploads with rclone."""
        where = f"host=127.0.0.1,port={self.port},user={self.server.user}"
        how = f"key_file={self.server.key},ciphers={_CIPHER},disable_hashcheck=true"
        target = f":sftp,{where},{how}:{self.root}/by-rclone"
        command = [str(environment("rclone") / "rclone"), "copyto", str(file), target]
        variables = {**os.environ, "RCLONE_CONFIG": os.devnull}
        return lambda: cost(command, environment=variables)

    def empty(self) -> list[int]:
        """Remove everything; gives the sizes."""
        return emptied(self.root)


@contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """A server with an empty folder.

    Args:
        folder: Where to keep what belongs to it.
    """
    home, root = folder / "openssh", folder / "at-sftp"
    home.mkdir()
    root.mkdir()
    with OpenSsh(home).running() as server:
        yield SshServer(server, root, server.port)
