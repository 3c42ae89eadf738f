"""A destination full of what somebody else put there: every verb still works for the rest."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.lab import Done
from tests.needs import find_program, leave_out
from tests.servers.openssh import OpenSsh

from .conftest import SUFFIX, VerifyLab

pytestmark = pytest.mark.timeout(120)

RETENTION = "retention = { keep_last = 5 }\n"
VERBS = (
    *("list", "list --all", "list --json --all", "status", "prune nas"),
    *("prune nas --strays", "prune nas --strays --json", "sync", "drill"),
)
LOOKS = ("", "--contents", "--quick", "--repair")


DOCUMENTS: dict[str, Callable[[str], bytes]] = {
    "huge number": lambda text: text.replace('"scope":', f'"n": {"9" * 4000}, "scope":').encode(),
    "larger number": lambda text: text.replace('"scope":', f'"n": {"9" * 9000}, "scope":').encode(),
    "infinite": lambda text: text.replace('"scope":', '"n": 1e400, "scope":').encode(),
    "no number": lambda text: text.replace('"scope":', '"n": NaN, "scope":').encode(),
    "nested": lambda text: text.replace('"scope":', f'"n": {"[" * 9000}, "scope":').encode(),
    "deep": lambda text: text.replace(
        '"scope":', f'"n": {"[" * 150 + "]" * 150}, "scope":'
    ).encode(),
    "surrogate": lambda text: text.replace('"user"', r'"\ud800"').encode(),
    "zero": lambda text: text.replace('"user"', r'"\u0000"').encode(),
    "marked": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "utf-16": lambda text: text.encode("utf-16"),
    "no text": lambda _: os.urandom(1000),
    "large": lambda text: text.encode() + b" " * (2 << 20),
    "empty": lambda _: b"",
    "escape": lambda text: text.replace('"user"', r'"\u001b[2J\u202e\u0085"').encode(),
}


def plant_documents(year: Path, text: str, name: str) -> None:
    """Archives whose manifests are odd, and agree with their keys where they can be read."""
    for number, make in enumerate(DOCUMENTS.values(), start=1):
        other = f"{name.rpartition('-')[0]}-9{number:02}"
        (year / f"{other}.zip").write_bytes(b"x")
        (year / f"{other}.zip{SUFFIX}").write_bytes(make(text.replace(name, other)))


def plant_kinds(year: Path, text: str, name: str) -> None:
    """Links, FIFOs, sockets, folders, where archives and manifests should be."""
    stem = name.rpartition("-")[0]
    archives = [year / f"{stem}-8{number:02}.zip" for number in range(9)]
    manifests = [path.with_name(path.name + SUFFIX) for path in archives]
    for path in archives[:6]:
        path.write_bytes(b"x")
    os.mkfifo(manifests[0])
    manifests[1].symlink_to(manifests[0])
    manifests[2].symlink_to("/dev/zero")
    manifests[3].mkdir()
    manifests[4].symlink_to(manifests[4])
    with socket.socket(socket.AF_UNIX) as server, suppress(OSError):  # its path may be too long
        server.bind(str(manifests[5]))
    for path in manifests[6:]:
        path.write_text(text.replace(name, path.name.removesuffix(f".zip{SUFFIX}")))
    os.mkfifo(archives[6])
    archives[7].symlink_to(archives[6])
    archives[8].mkdir()
    os.mkfifo(year / ".0123456789abcdef.labferry-part")
    (year / ".0123456789abcdee.labferry-part").mkdir()
    for path in (
        year / ".0123456789abcdef.labferry-part",
        year / ".0123456789abcdee.labferry-part",
    ):
        os.utime(path, (0, 0))


def plant_names(root: Path) -> None:
    """Names, times and depths that nobody expects."""
    for name in (b"\xff\xfe", b"a\nb", b"\x1b[2J", "\u202egpj.zip".encode(), b"x" * 250, b"$(id)"):
        (root / os.fsdecode(name)).write_bytes(b"x")
        (root / os.fsdecode(name + b".m")).mkdir()
    deep = root
    for _ in range(40):
        deep /= "d"
        deep.mkdir()
    (deep / "x").touch()
    for number, moment in enumerate((1 << 40, -(1 << 40), (1 << 62) // 10**9)):
        path = root / f"time-{number}"
        path.touch()
        with suppress(OSError, OverflowError):  # not every file system has such times
            os.utime(path, (moment, moment))


@pytest.fixture(params=["local", "sftp"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def settings(
    kind: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, object]]:
    """How the folder is reached."""
    folder = tmp_path / "nas"
    if kind == "sftp":
        if find_program("sshd") is None:
            leave_out("sshd", "apt-get install openssh-server openssh-client")
        with OpenSsh(tmp_path_factory.mktemp("sshd")).running() as server:
            yield {**server.settings(folder), "timeout": "5s"}
    else:
        yield {"type": "local", "path": str(folder)}


def reach(lab: VerifyLab, settings: dict[str, object]) -> None:
    """Reach the folder in another way from now on."""
    lab.configure(nas=RETENTION)
    text = lab.config.read_text()
    ours = '[destinations.nas]\ntype = "local"\npath = "nas"\n'
    assert ours in text
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    lab.config.write_text(text.replace(ours, f"[destinations.nas]\n{lines}"))


def require_plain(done: Done) -> None:
    """Nothing unexpected happened, and nothing unprintable is shown."""
    assert "in a way it should not" not in done.text, done.text
    assert all(line.isprintable() for line in done.text.splitlines()), done.text


def test_every_verb_works_for_the_rest(lab: VerifyLab, settings: dict[str, object]) -> None:
    lab.configure(nas=RETENTION)
    (name,) = lab.sync()
    assert lab.run("verify").code == 0
    manifest = lab.manifest(name)
    text, year = manifest.read_text(), manifest.parent
    plant_documents(year, text, name)
    plant_kinds(year, text, name)
    plant_names(lab.folder / "nas")
    reach(lab, settings)
    before = {path for path in (lab.folder / "nas").rglob("*") if not path.is_dir()}
    for verb in VERBS:
        done = lab.run(*verb.split())
        assert done.code == 0, (verb, done.err)
        require_plain(done)
        if verb.startswith("list"):
            assert name in done.out
    for look in LOOKS:
        done = lab.run("verify", "nas", "--json", *look.split())
        assert done.code == 4, look  # somebody removed the archives of some manifests
        assert ("nas", name, "good") in done.states, look
        require_plain(done)
    assert lab.run("report", "--html", str(lab.folder / "report.html")).code == 0
    target = lab.folder / "back.zip"
    assert lab.run("restore", name, "--from", "nas", "--to", str(target)).code == 0
    assert target.read_bytes() == lab.archive(name).read_bytes()
    assert before <= {path for path in (lab.folder / "nas").rglob("*") if not path.is_dir()}
