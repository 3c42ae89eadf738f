"""How long labferry takes, as ratios against a plain way to do the same, in one run.

`tox -e bench`, or `tox -e bench -- --quick` for a first impression. Both sides of a ratio are
measured in turn, several times, and the median of the ratios is shown: on a busy machine the
seconds say little, the ratios more.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from labferry.engine.fetch import Fetch
from labferry.lifecycle import ExportJob
from labferry.lifecycle.events import Downloaded, Event
from labferry.sdk import Digests, JobState, Offer, Secret
from labferry.spool import Declared, SpoolArchive
from labferry.testing.rspace import ALICE_KEY, BigArchive, Options, SimulatedRSpace
from labferry.testing.samples import Content, MemoryCheckpoint, SampleArchive, SampleManifest
from labferry_local import LocalSettings, LocalSink
from labferry_rspace import RSpaceSettings, RSpaceSource

_MIB = 1 << 20


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller archives, fewer rounds")
    quick: bool = parser.parse_args().quick
    size, rounds = (64 * _MIB, 3) if quick else (512 * _MIB, 5)
    print(f"{size // _MIB} MiB, median of {rounds} paired rounds")  # noqa: T201 - its purpose
    with tempfile.TemporaryDirectory() as folder:
        for name, ratio in (
            ("download and verify / plain download", _download(Path(folder), size, rounds)),
            ("store in a folder / copy and fsync", _store(Path(folder), size, rounds)),
        ):
            print(f"{name:<40} {ratio:5.2f}")  # noqa: T201 - its purpose


def _ratio(ours: Callable[[], None], plain: Callable[[], None], rounds: int) -> float:
    _seconds(plain)
    return statistics.median(_seconds(ours) / _seconds(plain) for _ in range(rounds))


def _seconds(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _download(folder: Path, size: int, rounds: int) -> float:
    with SimulatedRSpace(options=Options(archives=[BigArchive(size)])) as server:
        key = Secret.plain(ALICE_KEY)
        settings = RSpaceSettings(type="rspace", url=server.url, api_key=key)
        source = RSpaceSource("bench", settings)
        (lane,) = source.lanes()
        offer = _export(source, lane)

        def ours() -> None:
            _fetch(source, lane, offer, folder / "spooled")

        def plain() -> None:
            _plain_download(f"{offer.link}", folder / "plain")

        try:
            return _ratio(ours, plain, rounds)
        finally:
            source.close()


def _export(source: RSpaceSource, lane: str) -> Offer:
    (request,) = source.plan([lane])
    status = source.submit(request, lane)
    while status.state is JobState.RUNNING:
        time.sleep(0.05)
        status = source.poll(status.job, status.link, lane)
    if status.offer is None:
        raise SystemExit(f"The simulated server offers nothing: {status}")
    return status.offer


def _fetch(source: RSpaceSource, lane: str, offer: Offer, path: Path) -> None:
    path.unlink(missing_ok=True)
    declared = Declared("bench", "bench", "bench.zip", offer.size or 0, offer.crc32 or 0)
    archive = SpoolArchive(path, declared)
    fetch = Fetch(source, lane, lambda _: None, _accept, lambda _: None)
    event = fetch(ExportJob(offer=offer), archive)
    archive.close()
    if not isinstance(event, Downloaded):
        raise SystemExit(f"The download failed: {event}")


def _accept(archive: SpoolArchive, digests: Digests) -> Event:
    archive.accept(digests)
    return Downloaded(digests)


def _plain_download(url: str, path: Path) -> None:
    headers = {"apiKey": ALICE_KEY}
    with httpx.stream("GET", url, headers=headers) as answer, path.open("wb") as file:
        for chunk in answer.iter_raw():
            file.write(chunk)


def _store(folder: Path, size: int, rounds: int) -> float:
    root, original = folder / "nas", folder / "original"
    root.mkdir()
    content = Content(size)
    with original.open("wb") as file:
        file.writelines(content.chunks())
    sink = LocalSink("nas", LocalSettings(type="local", path=root))

    def ours() -> None:
        archive = SampleArchive(content)
        sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
        shutil.rmtree(root)
        root.mkdir()

    def plain() -> None:
        copy = folder / "copy"
        shutil.copyfile(original, copy)
        with copy.open("rb") as file:
            os.fsync(file.fileno())

    return _ratio(ours, plain, rounds)


if __name__ == "__main__":
    main()
