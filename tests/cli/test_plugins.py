"""Plugins of other distributions, good and bad."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labferry.testing.rspace import SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Source
    from tests.lab import Lab

BROKEN = "import no_such_module_anywhere\n"
MISBEHAVED = """\
from typing import Literal
from labferry.sdk import Sink, SinkSettings, hookimpl

class Settings(SinkSettings):
    type: Literal["tape"]

class Tape(Sink[Settings]):
    type = "tape"
    Settings = Settings
    def store(self, archive, manifest, checkpoint): raise KeyError("no drive")
    def list(self): return iter(())
    def open(self, stored, offset=0): raise KeyError
    def delete(self, stored): raise KeyError
    def check(self): raise KeyError("no drive")

@hookimpl
def labferry_sinks():
    return (Tape,)
"""


def _install(folder: Path, code: str, name: str = "tape") -> dict[str, str]:
    """A distribution `labferry-tape` with one plugin; returns the environment that has it."""
    folder.mkdir()
    (folder / "labferry_tape.py").write_text(code, encoding="utf-8")
    metadata = folder / "labferry_tape-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: labferry-tape\nVersion: 1.2\n", encoding="utf-8"
    )
    (metadata / "entry_points.txt").write_text(f"[labferry]\n{name} = labferry_tape\n", "utf-8")
    return {"PYTHONPATH": str(folder)}


def test_they_are_listed_with_what_they_offer(lab: Lab) -> None:
    done = lab.run("plugins")

    assert (done.code, done.err) == (0, "")
    head, *rows = [line.split() for line in done.out.splitlines()]
    assert head == ["TYPE", "KIND", "PLUGIN", "DISTRIBUTION", "STATE"]
    assert [row[:4] + row[-1:] for row in rows if row[0] in {"local", "rspace"}] == [
        ["local", "destination", "local", "labferry", "ok"],
        ["rspace", "source", "rspace", "labferry", "ok"],
    ]


def test_a_broken_one_is_listed_with_the_reason(lab: Lab, tmp_path: Path) -> None:
    environment = _install(tmp_path / "extra", BROKEN)

    text = lab.run("plugins", **environment)
    document = lab.run("plugins", "--json", **environment).document

    assert text.code == 0
    (line,) = [line for line in text.out.splitlines() if "labferry-tape" in line]
    assert "labferry-tape 1.2" in line
    assert "broken: ModuleNotFoundError: No module named 'no_such_module_anywhere'" in line
    (plugin,) = [each for each in document["plugins"] if each["name"] == "tape"]
    assert plugin["state"] == "broken"
    assert "no_such_module_anywhere" in plugin["problem"]


def test_a_broken_one_that_nobody_needs_is_a_warning_of_check(
    lab: Lab, server: SimulatedRSpace, source: Source, tmp_path: Path
) -> None:
    environment = _install(tmp_path / "extra", BROKEN)
    lab.write({"lab": source(server)})

    checked, synced = lab.run("check", **environment), lab.run("sync", **environment)

    assert (checked.code, synced.code, synced.err) == (0, 0, "")
    assert "tape (labferry-tape 1.2) can't be used" in checked.err


@pytest.mark.parametrize("verb", ["check", "sync"])
def test_a_broken_one_that_is_needed_is_named(
    lab: Lab, server: SimulatedRSpace, source: Source, tmp_path: Path, verb: str
) -> None:
    environment = _install(tmp_path / "extra", BROKEN)
    lab.write({"lab": source(server)}, {"vault": {"type": "tape"}})

    done = lab.run(verb, **environment)

    assert done.code == 2
    (line,) = done.messages
    assert "destinations.vault.type" in line
    assert "Known types: " in line
    assert "tape (labferry-tape 1.2) can't be used: ModuleNotFoundError" in line
    assert server.requests == []


def test_a_type_that_is_not_known_gets_a_suggestion(lab: Lab, source: Source) -> None:
    lab.write({"lab": source("https://rspace.example.edu")}, {"nas": {"type": "locla"}})

    done = lab.run("check")

    assert done.code == 2
    assert "destinations.nas.type: expected a type that an installed plugin offers" in done.err
    assert 'Did you mean "local"?' in done.err


def test_one_that_raises_what_it_should_not_is_blamed(
    lab: Lab, server: SimulatedRSpace, source: Source, tmp_path: Path
) -> None:
    environment = _install(tmp_path / "extra", MISBEHAVED)
    lab.destination().mkdir()
    lab.write({"lab": source(server)}, {"nas": {}, "vault": {"type": "tape", "path": None}})
    lab.config.write_text(lab.config.read_text().replace("path = null\n", ""))

    checked, synced = lab.run("check", **environment), lab.run("sync", **environment)

    assert (checked.code, synced.code) == (2, 3)
    assert "ERROR    destination vault: " in checked.err
    for done in (checked, synced):
        assert done.err.count("KeyError") == 1
        assert "report this to its authors" in done.err
    assert len(lab.archives()) == 1


@pytest.mark.parametrize("verb", ["check", "sync"])
def test_one_that_offers_a_built_in_type_never_gets_an_archive(
    lab: Lab, server: SimulatedRSpace, source: Source, tmp_path: Path, verb: str
) -> None:
    # Its entry point comes before all others by its name.
    environment = _install(tmp_path / "extra", MISBEHAVED.replace('"tape"', '"local"'), "aaa")
    lab.destination().mkdir()
    lab.write({"lab": source(server)})

    done = lab.run(verb, **environment)

    assert done.code == 2
    (line,) = done.messages
    assert "destinations.nas.type: expected a type that only one installed plugin offers" in line
    assert "local (labferry " in line
    assert "and aaa (labferry-tape 1.2) both offer it" in line
    assert "pip uninstall labferry-tape" in line
    assert server.requests == []
