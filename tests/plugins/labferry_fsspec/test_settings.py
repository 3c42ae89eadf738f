import builtins
import json
from collections.abc import Mapping
from types import ModuleType

import pytest
from fsspec.registry import (
    known_implementations,
)
from pydantic import ValidationError
from tests import labfiles  # noqa: F401 - brings a filesystem

from labferry.sdk import Secret, redact
from labferry_fsspec import FsspecSettings, labferry_sinks
from labferry_fsspec.settings import revealed


def _settings(url: str = "labram://lab", **others: object) -> FsspecSettings:
    return FsspecSettings.model_validate({"type": "fsspec", "url": url, **others})


def _mistake(**table: object) -> str:
    with pytest.raises(ValidationError) as caught:
        _settings(**table)  # type: ignore[arg-type] # what a person may write
    return str(caught.value)


def test_plugin_offers_the_type_fsspec() -> None:
    assert [sink.type for sink in labferry_sinks()] == ["fsspec"]


@pytest.mark.parametrize(
    "protocol", ["zip", "tar", "libarchive", "https", "github", "simplecache", "filecache"]
)
def test_filesystem_that_cannot_keep_archives_is_refused(protocol: str) -> None:
    assert f"'{protocol}' can't keep archives: " in _mistake(url=f"{protocol}://a/b")


def test_part_of_a_chain_that_cannot_keep_archives_is_refused() -> None:
    assert "'simplecache' can't keep archives" in _mistake(url="simplecache::ftp://host/folder")
    assert "'zip' can't keep archives" in _mistake(url="zip://folder::ftp://host/backup.zip")


@pytest.mark.parametrize(
    "url",
    [
        *("file:///mnt/backup", "file://backup", "local:///mnt/backup", "asynclocal:///mnt/x"),
        *("dir::file:///mnt/backup", "dir:///mnt/backup::local://", "file::/mnt/backup"),
    ],
)
def test_folder_of_this_machine_is_refused_with_a_way(url: str) -> None:
    text = _mistake(url=url)
    assert "can't keep archives" in text
    assert 'use type = "local" with its path' in text


@pytest.mark.parametrize("url", ["memory://lab", "dir::memory://lab"])
def test_memory_is_refused(url: str) -> None:
    assert "what is in it ends with the process" in _mistake(url=url)


def test_filesystem_that_options_name_is_looked_at_too() -> None:
    options = {"target_protocol": "file"}
    assert 'use type = "local"' in _mistake(url="dir:///mnt/backup", options=options)


def test_unknown_protocol_is_named_with_a_suggestion() -> None:
    assert "fsspec knows no 'dropbx'" in _mistake(url="dropbx://lab")
    assert "did you mean 'dropbox'" in _mistake(url="dropbx://lab")


def test_missing_driver_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"class": "no_such_package.Box", "err": "Install boxfs to reach a box"}
    monkeypatch.setitem(known_implementations, "box-of-tests", missing)
    text = _mistake(url="box-of-tests://host/folder")
    assert "the driver for 'box-of-tests' is missing: Install boxfs to reach a box" in text


def test_missing_fsspec_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without_fsspec(
        name: str,
        names: Mapping[str, object] | None = None,
        here: Mapping[str, object] | None = None,
        wanted: tuple[str, ...] = (),
        level: int = 0,
    ) -> ModuleType:
        if name == "fsspec":
            raise ImportError(name)
        return whole(name, names, here, wanted, level)

    monkeypatch.setattr(builtins, "__import__", without_fsspec)
    assert "labferry[fsspec]" in _mistake(url="ftp://host/lab")


def test_password_in_the_url_is_refused_and_not_shown() -> None:
    text = _mistake(url="ftp://user:hunter2@host/folder")
    assert "put it into options" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("url", ["/mnt/backup", "backup", "FTP", ""])
def test_path_that_is_no_url_is_refused(url: str) -> None:
    assert "a URL such as" in _mistake(url=url)


@pytest.mark.parametrize("prefix", ["../up", "/../x", "a/../b", "a b", ".hidden"])
def test_unsafe_prefix_is_refused(prefix: str) -> None:
    assert "a folder's name" in _mistake(prefix=prefix)


def test_prefix_is_a_folder_with_or_without_slashes() -> None:
    assert _settings(prefix="/rspace/lab/").prefix == "rspace/lab"


def test_options_may_hold_secrets_at_any_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST", "first-5ecret")
    monkeypatch.setenv("SECOND", "second-5ecret")
    options = {
        "port": 2121,
        "password": {"env": "FIRST"},
        "client": {"auth": ["user", {"env": "SECOND"}], "env": {"A": "B"}},
    }
    settings = _settings(options=options)
    assert "5ecret" not in repr(settings)
    assert revealed(settings.options) == {
        "port": 2121,
        "password": "first-5ecret",
        "client": {"auth": ["user", "second-5ecret"], "env": {"A": "B"}},
    }


def test_plain_option_with_a_telling_name_is_a_secret() -> None:
    settings = _settings(options={"password": "hunter2", "client": {"api_key": "hunter3"}})
    assert isinstance(settings.options["password"], Secret)
    assert "hunter" not in repr(settings)
    assert "hunter" not in json.dumps(settings.model_dump(mode="json"))
    revealed(settings.options)
    assert redact("hunter2 and hunter3") == "*** and ***"
