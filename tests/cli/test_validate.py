"""A destination on trial: `labferry plugins validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.labfiles import install

if TYPE_CHECKING:
    from tests.lab import Done, Lab

_SOURCE = {
    "type": "rspace",
    "url": "https://rspace.example.edu",
    "api_key": {"env": "ALICE_KEY"},
}
_PLUGIN = """\
from labferry.sdk import Finding, RefusedError, Secret, Severity, SinkTraits, hookimpl
from labferry_local.sink import LocalSink

class BoxSettings(LocalSink.Settings):
    type: str
    password: Secret | None = None

class Box(LocalSink):
    type = "box"
    Settings = BoxSettings
{body}

@hookimpl
def labferry_sinks():
    return (Box,)
"""
_OVERWRITES = """
    def store(self, archive, manifest, checkpoint):
        place = self._path(archive.key)
        place.unlink(missing_ok=True)
        place.with_name(place.name + ".manifest.json").unlink(missing_ok=True)
        return super().store(archive, manifest, checkpoint)
"""
_SHORTENS = """
    def store(self, archive, manifest, checkpoint):
        receipt = super().store(archive, manifest, checkpoint)
        place = self._path(archive.key)
        place.write_bytes(place.read_bytes()[:-1])
        return receipt
"""
_PUBLISHES_EARLY = """
    def store(self, archive, manifest, checkpoint):
        try:
            return super().store(archive, manifest, checkpoint)
        except Exception:
            place = self._path(archive.key)
            place.write_bytes(b"half")
            raise
"""
_CRASHES = """
    def check(self):
        raise KeyError("no drive")
"""
_TALKS = """
    def check(self):
        yield Finding(Severity.OK, "The password is " + self.settings.password.reveal())
"""
_KEEPS_FOR_EVER = """
    def delete(self, stored):
        raise RefusedError("This box keeps everything for ever.")
"""
_PUBLISHES_FOR_GOOD = """
    traits = SinkTraits(can_delete=False)
"""


def _validate(lab: Lab, body: str, *arguments: str) -> Done:
    """Put a plugin of one class on trial."""
    folder = lab.folder.parent / "extra"
    info = folder / "labferry_box-1.2.dist-info"
    info.mkdir(parents=True)
    (folder / "labferry_box.py").write_text(_PLUGIN.format(body=body or "    pass"), "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: labferry-box\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[labferry]\nbox = labferry_box\n", "utf-8")
    lab.destination("box").mkdir()
    lab.write(
        {"lab": _SOURCE}, {"box": {"type": "box", "path": "box", "password": {"env": "BOB_KEY"}}}
    )
    return lab.run("plugins", "validate", "box", *arguments, PYTHONPATH=str(folder))


def _broken(done: Done) -> set[str]:
    return {line.split()[1] for line in done.out.splitlines() if line.startswith("BROKEN")}


def test_a_folder_keeps_every_promise_and_is_left_as_it_was(lab: Lab) -> None:
    lab.write({"lab": _SOURCE})

    done = lab.run("plugins", "validate", "nas")

    assert (done.code, done.err) == (0, "")
    *promises, verdict = done.out.splitlines()
    assert {line.split()[0] for line in promises} == {"kept"}
    assert verdict == f"nas keeps {len(promises)} of {len(promises)} promises."
    assert lab.files() == []


def test_a_filesystem_of_fsspecs_keeps_every_promise(lab: Lab) -> None:
    lab.write({"lab": _SOURCE}, {"ram": {"type": "fsspec", "url": "labram://lab", "path": 0}})
    lab.config.write_text(lab.config.read_text().replace("path = 0\n", ""))

    drivers = install(lab.folder.parent / "drivers")
    document = lab.run("plugins", "validate", "ram", "--json", PYTHONPATH=drivers).document

    assert document["command"] == "plugins validate"
    assert {promise["state"] for promise in document["promises"]} == {"kept"}
    assert (document["destination"], document["left_behind"]) == ("ram", [])


@pytest.mark.parametrize(
    ("body", "code", "broken"),
    [
        pytest.param(_OVERWRITES, 1, {"conflict"}, id="overwrites"),
        pytest.param(_SHORTENS, 4, {"read"}, id="shortens"),
        pytest.param(_PUBLISHES_EARLY, 4, {"refused", "broken-off"}, id="publishes-early"),
    ],
)
def test_a_broken_sink_is_found_out(lab: Lab, body: str, code: int, broken: set[str]) -> None:
    done = _validate(lab, body)

    assert done.code == code
    assert broken <= _broken(done)
    assert done.out.splitlines()[-1].endswith("Do not trust it with a backup.")
    assert lab.files("box") == []


def test_quiet_tells_only_what_is_broken(lab: Lab) -> None:
    done = _validate(lab, _OVERWRITES, "-q")

    assert done.out == ""
    head, explanation = done.messages
    assert head.startswith("BROKEN   conflict")
    assert "where one was already" in explanation


def test_a_verdict_as_a_document_says_why(lab: Lab) -> None:
    document = _validate(lab, _OVERWRITES, "--json").document

    (problem,) = document["problems"]
    assert problem["message"].startswith("conflict: Another archive was stored at ")


def test_what_needs_a_working_preflight_is_not_tried_without(lab: Lab) -> None:
    done = _validate(lab, _CRASHES)

    assert done.code == 2
    states = [line.split()[0] for line in done.out.splitlines() if not line.startswith(" ")]
    assert states[:2] == ["BROKEN", "untried"]
    assert "Its plugin failed unexpectedly: KeyError" in done.out
    assert "Not tried, because 'preflight' is broken." in done.out


def test_what_could_not_be_deleted_is_named(lab: Lab) -> None:
    done = _validate(lab, _KEEPS_FOR_EVER)

    assert (done.code, _broken(done)) == (0, set())
    archives = lab.archives("box")
    assert len(done.messages) == len(archives) > 0
    for archive in archives:
        assert archive.name in done.err
    assert "This box keeps everything for ever." in done.err


def test_nothing_is_stored_where_it_would_stay_for_ever(lab: Lab) -> None:
    done = _validate(lab, _PUBLISHES_FOR_GOOD)

    assert done.code == 0
    assert lab.files("box") == []
    assert "untried  store" in done.out
    assert "could not be tested" in done.out


def test_a_destination_that_is_not_there_is_told_with_those_that_are(lab: Lab) -> None:
    lab.write({"lab": _SOURCE})

    done = lab.run("plugins", "validate", "nsa")

    assert done.code == 2
    assert "There is no destination 'nsa'" in done.err
    assert "Known destinations: nas." in done.err


def test_a_secret_in_a_message_is_a_broken_promise(lab: Lab) -> None:
    done = _validate(lab, _TALKS)

    assert _broken(done) == {"secrets"}
    assert "The password is ***" in done.out


def test_a_destination_that_is_not_mounted_fails_at_once(lab: Lab) -> None:
    lab.write({"lab": _SOURCE})
    lab.destination().rmdir()

    done = lab.run("plugins", "validate", "nas")

    assert done.code == 1
    assert _broken(done) == {"preflight"}
