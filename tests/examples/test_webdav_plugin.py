"""The example plugin, as a third party has it: its own folder, its own environment."""

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cheroot.wsgi import Server
from wsgidav.wsgidav_app import WsgiDAVApp

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("examples"), pytest.mark.timeout(600)]

Run = Callable[..., str]

_SOURCE = """
[sources.notebook]
type = "rspace"
url = "https://rspace.example.edu"
api_key = { env = "SHARE_PASSWORD" }
"""


@pytest.fixture(scope="module")
def plugin(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, away from the project."""
    folder = tmp_path_factory.mktemp("plugin") / "labferry-webdav"
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(project / "examples/labferry-webdav", folder, ignore=unwanted)
    return folder


@pytest.fixture(scope="module")
def programs(install: Callable[..., Path], plugin: Path) -> Path:
    return install(plugin, "cheroot", "wsgidav")


def test_labferry_lists_the_plugin(programs: Path, run: Run, tmp_path: Path) -> None:
    document = json.loads(run(programs / "labferry", "plugins", "--json", cwd=tmp_path))
    (found,) = [each for each in document["plugins"] if each["distribution"] == "labferry-webdav"]
    assert (found["name"], found["state"], found["sinks"]) == ("webdav", "ok", ["webdav"])


def test_the_plugins_own_tests_pass(programs: Path, run: Run, plugin: Path) -> None:
    command = (programs / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert " passed" in run(*command, cwd=plugin)


@pytest.fixture
def share(tmp_path: Path) -> Iterator[str]:
    """The address of a WebDAV share."""
    folder = tmp_path / "share"
    folder.mkdir()
    application = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(folder)},
            "simple_dc": {"user_mapping": {"*": {"backup": {"password": "s3cr3t-pa55w0rd"}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False},
            "logging": {"enable": False},
            "verbose": 0,
        }
    )
    server = Server(("127.0.0.1", 0), application)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.bind_addr[1]}"
    server.stop()
    thread.join()


def test_the_commands_on_the_page_work(
    project: Path,
    programs: Path,
    run: Run,
    share: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = (project / "docs/how-to/write-a-plugin.md").read_text(encoding="utf-8")
    snippet = page.partition(":caption: labferry.toml\n")[2].partition("```")[0]
    (command,) = re.findall(r"^\$ labferry (plugins validate .*)$", page, re.MULTILINE)
    table = re.sub(r"https://cloud[\w./-]+", share, snippet)
    (tmp_path / "labferry.toml").write_text(f"{table}\n{_SOURCE}", encoding="utf-8")
    monkeypatch.setenv("SHARE_PASSWORD", "s3cr3t-pa55w0rd")
    said = run(programs / "labferry", *command.split(), cwd=tmp_path)
    assert re.search(r"^share keeps (\d+) of \1 promises", said, re.MULTILINE), said
    assert not [path for path in (tmp_path / "share").rglob("*") if path.is_file()]
