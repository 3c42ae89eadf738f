"""One archive to three destinations at once, beside the same one transfer after the other."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tests.needs import require_program

from labferry.testing.rspace import ALICE_KEY

from .download import curl
from .link import link
from .notebook import Notebook, notebook
from .results import MB, MIB, Plan, Row, compare
from .site import Site, cost, source
from .storages import S3Bucket, SshServer, emptied, ssh_server

_SIZE = 512 * MIB
_RATE = 50 * MB


@dataclass(frozen=True)
class _Lab:
    """A server with one archive, three places to keep it, and a folder to download into."""

    notebook: Notebook
    s3: S3Bucket
    sftp: SshServer
    local: Path
    site: Site
    downloaded: Path

    def sync(self) -> None:
        self.site.labferry("sync")

    def tidy(self) -> None:
        self.s3.empty()
        self.sftp.empty()
        emptied(self.local)
        # A ledger that knows of these copies would miss them.
        shutil.rmtree(self.site.state, ignore_errors=True)


def limited(plan: Plan) -> list[Row]:
    """Every link limited, beside the slowest single transfer of the archive."""
    with _lab(plan, _RATE) as lab:
        download = curl(lab.notebook, lab.downloaded)
        download()
        others = {
            "curl": download,
            "aws cli": lab.s3.aws(lab.downloaded),
            "sftp": lab.sftp.sftp(lab.downloaded),
        }
        compared = compare(plan, lab.sync, others, lab.tidy)
    what = f"sync of {lab.notebook.size // MIB} MiB at {_RATE // MB} MB/s / slowest transfer"
    return [Row(what, compared.ratio(max), 1.1, detail=compared.detail())]


def chain(plan: Plan) -> list[Row]:
    """No limits, beside curl, aws s3 cp, sftp put and cp one after the other."""
    with _lab(plan, None) as lab:
        copy = [require_program("cp", "coreutils"), str(lab.downloaded), str(lab.local / "copy")]
        transfers: list[Callable[[], object]] = [
            curl(lab.notebook, lab.downloaded),
            lab.s3.aws(lab.downloaded),
            lab.sftp.sftp(lab.downloaded),
            partial(cost, copy),
        ]

        def one_by_one() -> None:
            for transfer in transfers:
                transfer()

        compared = compare(plan, lab.sync, {"one by one": one_by_one}, lab.tidy)
    what = f"sync of {lab.notebook.size // MIB} MiB / one transfer after the other"
    return [Row(what, compared.ratio(min), 0.6, detail=compared.detail())]


@contextmanager
def _lab(plan: Plan, rate: int | None) -> Iterator[_Lab]:
    s3 = plan.bucket()
    with ExitStack() as stack:
        server = stack.enter_context(notebook(plan.place("server"), plan.size(_SIZE)))
        sftp = stack.enter_context(ssh_server(plan.folder))
        if rate is not None:
            ports = (server.port, s3.ceph.port, sftp.port)
            near, far, box = (stack.enter_context(link(port, rate)) for port in ports)
            server, sftp = replace(server, port=near), replace(sftp, port=box)
            s3 = replace(s3, url=f"http://127.0.0.1:{far}")
        local = plan.place("at-local")
        site = Site(
            plan.place("site"),
            {"lab": source(server.url, "ALICE_KEY")},
            {
                "nas": {"type": "local", "path": local},
                "offsite": s3.table,
                "box": sftp.table,
            },
            {"ALICE_KEY": ALICE_KEY},
        )
        yield _Lab(server, s3, sftp, local, site, plan.folder / "downloaded")
