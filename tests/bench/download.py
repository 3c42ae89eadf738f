"""A verified download into the spool beside `curl -o`, and beside the official client."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from tests.needs import require_program

from labferry.lifecycle import ExportJob
from labferry.lifecycle.events import Downloaded, Event
from labferry.sdk import Digests, Offer, Secret
from labferry.spool import Declared, SpoolArchive
from labferry.sync.download import Fetch
from labferry.testing.rspace import ALICE_KEY
from labferry_rspace import RSpaceSettings, RSpaceSource

from .link import link
from .notebook import Notebook, notebook
from .results import GIB, MB, MIB, Compared, Plan, Row, compare
from .site import cost
from .storages import emptied
from .tools import environment

_OFFICIAL = """
import sys
from rspace_client.eln.eln import ELNClient
url, key, link, path = sys.argv[1:]
ELNClient(url, key).download_link_to_file(link, path)
"""

Download = Callable[[], object]

_SPREAD = 512 * MIB
_EACH = 25 * MB


def http(plan: Plan) -> list[Row]:
    """Over plain http."""
    return [_beside_curl(plan, tls=False, goal=1.0)]


def https(plan: Plan) -> list[Row]:
    """Over https."""
    return [_beside_curl(plan, tls=True, goal=1.15)]


def official(plan: Plan) -> list[Row]:
    """Beside the official client, which checks nothing."""
    with notebook(plan.place("server"), plan.size(GIB)) as server:
        target = plan.place("downloads") / "official"
        script = [str(environment("official") / "python"), "-c", _OFFICIAL]
        command = [*script, server.url, ALICE_KEY, server.link, str(target)]
        compared = _compare(plan, server, {"rspace-client": lambda: cost(command)})
    what = f"verified download of {server.size // MIB} MiB / official client"
    return [Row(what, compared.ratio(min), 0.2, detail=compared.detail())]


def spread(plan: Plan) -> list[Row]:
    """From an object store that lets only so much through each connection."""
    with (
        notebook(plan.place("server"), plan.size(_SPREAD)) as server,
        link(server.port, _EACH, each=True) as port,
    ):
        stored = server.stored(port)
        other = curl(server, plan.place("downloads") / "curl", stored)
        compared = _compare(plan, server, {"curl": other}, stored)
    what = f"download of {server.size // MIB} MiB, {_EACH // MB} MB/s a connection / curl"
    return [Row(what, compared.ratio(min), 0.4, detail=compared.detail())]


def curl(server: Notebook, target: Path, place: str = "") -> Download:
    """Downloads with curl, without any check.

    Args:
        server: Where from.
        target: Where to.
        place: Another address to download from.
    """
    command = [require_program("curl", "curl"), "--silent", "--show-error", "--fail"]
    command += ["--header", f"apiKey: {ALICE_KEY}", "--output", str(target)]
    if server.authority:
        command += ["--cacert", str(server.authority)]
    return lambda: cost([*command, place or server.link])


def _beside_curl(plan: Plan, *, tls: bool, goal: float) -> Row:
    with notebook(plan.place("server"), plan.size(GIB), tls=tls) as server:
        other = curl(server, plan.place("downloads") / "curl")
        compared = _compare(plan, server, {"curl": other})
    what = f"verified download of {server.size // MIB} MiB, {'https' if tls else 'http'} / curl"
    return Row(what, compared.ratio(min), goal, detail=compared.detail())


def _compare(
    plan: Plan, server: Notebook, others: Mapping[str, Download], place: str = ""
) -> Compared:
    folder = plan.folder / "downloads"

    def take_back() -> None:
        if emptied(folder) != [server.size]:
            raise RuntimeError(f"No file of {server.size} bytes was downloaded.")

    with _into_spool(server, folder / "spooled", place or server.link) as ours:
        return compare(plan, ours, others, take_back)


@contextmanager
def _into_spool(server: Notebook, path: Path, place: str) -> Iterator[Download]:
    """Downloads into the spool as a run does, but for the look inside the archive."""
    settings = RSpaceSettings(
        type="rspace", url=server.url, api_key=Secret.plain(ALICE_KEY), ca_file=server.authority
    )
    declared = Declared("bench", "bench", "bench.zip", server.size, server.crc32)
    job = ExportJob(offer=Offer(place, server.size, server.crc32))

    def download() -> None:
        with closing(SpoolArchive(path, declared)) as archive:
            event = fetch(job, archive)
        if not isinstance(event, Downloaded):
            raise TypeError(f"The download failed: {event}")

    with closing(RSpaceSource("bench", settings)) as source:
        (lane,) = source.lanes()
        fetch = Fetch(source, lane, lambda _: None, _accept, lambda _: None)
        yield download


def _accept(archive: SpoolArchive, digests: Digests) -> Event:
    archive.accept(digests)
    return Downloaded(digests)
