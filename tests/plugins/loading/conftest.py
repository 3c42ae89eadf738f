import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from textwrap import dedent

import pytest

from labferry.plugins import Plugins, load_plugins

Install = Callable[..., None]
Load = Callable[[], Plugins]

_PRELUDE = """\
    from collections.abc import Sequence
    from typing import Any

    from labferry.sdk import Observer, ObserverSettings, Sink, SinkSettings, Source
    from labferry.sdk import SourceSettings, hookimpl


    class Folder(Sink[SinkSettings]):
        type = "folder"
        Settings = SinkSettings

        def store(self, archive, manifest, checkpoint): ...
        def list(self): ...
        def open(self, stored, offset=0): ...
        def delete(self, stored): ...
        def check(self): ...


    class Notebook(Source[SourceSettings]):
        type = "notebook"
        Settings = SourceSettings
        url = "https://eln.example.edu"
        poll_interval = 60.0
        job_timeout = 60.0

        def lanes(self): ...
        def plan(self, lanes): ...
        def submit(self, request, lane): ...
        def poll(self, job, link, lane): ...
        def download(self, link, lane, *, offset=0, validator=None): ...
        def check(self): ...


    class Bell(Observer[ObserverSettings]):
        type = "bell"
        Settings = ObserverSettings

        @hookimpl
        def labferry_run_finished(self, report): ...
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A site-packages folder of its own; its modules are forgotten at the end."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        if str(getattr(module, "__file__", "") or "").startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """Install a distribution of one module, with one entry point or several."""

    def _install(
        distribution: str,
        code: str = "",
        *,
        version: str = "1.0",
        points: str | None = None,
        metadata: bool = True,
    ) -> None:
        module = "labferry_" if distribution == "labferry" else distribution.replace("-", "_")
        (site / f"{module}.py").write_text(dedent(_PRELUDE) + "\n\n" + dedent(code))
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        named = f"{module} = {module}" if points is None else points
        (info / "entry_points.txt").write_text(f"[labferry]\n{dedent(named)}\n")
        if metadata:
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
            )

    return _install


@pytest.fixture
def load(site: Path) -> Load:
    """Load what was installed, and nothing of what this Python has besides."""

    def _points() -> Iterator[EntryPoint]:
        for distribution in distributions(path=[str(site)]):
            yield from distribution.entry_points.select(group="labferry")

    return lambda: load_plugins(_points())
