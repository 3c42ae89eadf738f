"""The kinds of destination by their names, and the servers behind them, started when needed."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Self

from tests.plugins.labferry_s3.bucket import client
from tests.servers.ceph import Ceph
from tests.servers.openssh import OpenSsh
from tests.servers.proftpd import ProFtpd

from .targets import LocalTarget, S3Target, SftpTarget, Target

Make = Callable[[Path], Target]

OVER_THE_NETWORK = ("s3", "sftp")
ALL = ("local", *OVER_THE_NETWORK, "proftpd")


class Kinds:
    """Makes destinations of any kind.

    Args:
        folder: Where servers keep what they need.
        stack: Ends the servers.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._made: dict[str, Make] = {"local": LocalTarget}
        self._start = {"s3": self._s3, "sftp": self._sftp, "proftpd": self._proftpd}

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator[Self]:
        """With servers that run until the end."""
        with ExitStack() as stack:
            yield cls(folder, stack)

    def __getitem__(self, name: str) -> Make:
        """What makes a destination of that kind in a folder."""
        if name not in self._made:
            self._made[name] = self._start[name]()
        return self._made[name]

    def _s3(self) -> Make:
        home, bucket = self._folder / "ceph", f"lab-{uuid.uuid4()}"
        home.mkdir(exist_ok=True)
        store = self._stack.enter_context(Ceph(home).running()).user("labferry")
        client(store).create_bucket(Bucket=bucket)
        return partial(S3Target, store=store, bucket=bucket)

    def _sftp(self) -> Make:
        home = self._folder / "openssh"
        home.mkdir(exist_ok=True)
        server = self._stack.enter_context(OpenSsh(home).running())
        return partial(SftpTarget, server=server)

    def _proftpd(self) -> Make:
        home = self._folder / "proftpd"
        home.mkdir(exist_ok=True)
        server = self._stack.enter_context(ProFtpd(home).running())
        return partial(SftpTarget, server=server)
