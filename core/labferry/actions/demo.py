"""`labferry demo`: a real sync against a simulated RSpace server, in a folder of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from labferry.actions.session import open_session
from labferry.actions.sync import sync
from labferry.runtime.progress import Progress
from labferry.runtime.stop import Stop
from labferry.sdk import ConfigError, RunReport
from labferry.testing.rspace import PI_KEY, JobTiming, Options, SimulatedRSpace

_CONFIG = """\
# A demonstration: a simulated RSpace server on this machine, and two folders as destinations.
# For a real one, write your own with: labferry init

state_dir = "state"

[sources.chem-lab]
type = "rspace"
url = "{url}"
api_key = {{ file = "{key_file}" }}
scope = "group"             # everything that the lab's group has
format = "xml"
poll_interval = "200ms"     # a real server wants to be asked once a minute, which is the default

[destinations.nas]
type = "local"
path = "nas"

[destinations.offsite]
type = "local"
path = "offsite"
"""


@dataclass(frozen=True, slots=True)
class Demo:
    """A demonstration that ran.

    Attributes:
        folder: Where everything is.
        config: The configuration in it.
        url: The simulated server's address.
        report: How the sync went.
    """

    folder: Path
    config: Path
    url: str
    report: RunReport

    @property
    def archives(self) -> tuple[Path, ...]:
        """The archives that were stored."""
        destinations = (self.folder / "nas", self.folder / "offsite")
        return tuple(path for root in destinations for path in sorted(root.rglob("*.zip")))


@contextmanager
def demo(folder: Path | None, stop: Stop, progress: Progress) -> Iterator[Demo]:
    """Run the demonstration; the simulated server answers until the block ends.

    Args:
        folder: Where to put everything; new or empty. A new one beside us by default.
        stop: Ends the sync early.
        progress: Shows what is going on.

    Raises:
        ConfigError: The folder has something in it, or can't be made.
    """
    folder = _make_folder(folder)
    options = Options(timing=JobTiming(queue=0.2, run=1.0))
    with SimulatedRSpace(options=options) as server:
        config = _write_config(folder, server.url)
        session = open_session(config)
        report = sync(session, session.routes(()), stop, progress)
        yield Demo(folder, config, server.url, report)


def _make_folder(folder: Path | None) -> Path:
    folder = folder or _unused_name()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise ConfigError(
            f"The folder {folder} can't be used: {error.strerror}.",
            hint="Name another one, such as: labferry demo /tmp/labferry-demo",
        ) from error
    if not is_empty:
        raise ConfigError(f"The folder {folder} is not empty.", hint="Name a new one.")
    return folder.resolve()


def _unused_name() -> Path:
    names = (Path(f"labferry-demo-{number}") for number in count(2))
    first = Path("labferry-demo")
    return first if not first.exists() else next(name for name in names if not name.exists())


def _write_config(folder: Path, url: str) -> Path:
    key_file = folder / "api-key"
    key_file.touch(mode=0o600)
    key_file.write_text(PI_KEY, encoding="utf-8")
    for destination in ("nas", "offsite"):
        (folder / destination).mkdir()
    config = folder / "labferry.toml"
    config.write_text(_CONFIG.format(url=url, key_file=key_file), encoding="utf-8")
    return config
