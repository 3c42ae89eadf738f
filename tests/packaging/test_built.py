"""What is in the distributions."""

import configparser
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.xdist_group("packaging"), pytest.mark.timeout(600)]

Build = Callable[[Path, str], Path]


def _wheel_files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_every_file_of_every_package(tree: Path, wheel: Path) -> None:
    packages = {name.split("/")[0] for name in _wheel_files(wheel)}
    assert packages >= {"labferry", "labferry_local", "labferry_rspace"}
    for package in packages:
        root = tree / ("core" if package == "labferry" else "plugins")
        files = {f.relative_to(root).as_posix() for f in (root / package).rglob("*.*")}
        assert {name for name in _wheel_files(wheel) if name.startswith(f"{package}/")} == files


def test_every_package_in_the_wheel_says_that_it_has_types(wheel: Path) -> None:
    files = _wheel_files(wheel)
    packages = {name.split("/")[0] for name in files}
    assert {name for name in files if name.endswith("/py.typed")} == {
        f"{package}/py.typed" for package in packages
    }


def test_the_wheel_brings_its_data(wheel: Path) -> None:
    page = {f"labferry/report_page/{name}" for name in ("macros.html", "page.html", "style.css")}
    assert {"labferry/config/starter.toml", *page} <= _wheel_files(wheel)


def test_every_plugin_in_the_wheel_has_an_entry_point(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (listed,) = [n for n in archive.namelist() if n.endswith("/entry_points.txt")]
        points = configparser.ConfigParser()
        points.read_string(archive.read(listed).decode())
    packages = {name.split("/")[0] for name in _wheel_files(wheel)} - {"labferry"}
    assert set(points["labferry"].values()) == packages
    assert dict(points["console_scripts"]) == {"labferry": "labferry.cli.main:main"}


def test_the_wheel_says_under_which_licence_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert any(name.endswith("/licenses/LICENSE") for name in archive.namelist())


@pytest.mark.parametrize("target", ["wheel", "sdist"])
def test_building_elsewhere_and_later_makes_the_same_bytes(
    tree: Path, build: Build, tmp_path: Path, target: str
) -> None:
    elsewhere = tmp_path / "another" / "checkout"
    shutil.copytree(tree, elsewhere)
    for path in elsewhere.rglob("*"):
        # As another umask and another day would have it.
        path.chmod(path.stat().st_mode | stat.S_IWGRP)
        os.utime(path, (1, 1_000_000_000))
    first, second = build(tree, target), build(elsewhere, target)
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_the_source_distribution_builds_the_same_wheel(
    tree: Path, wheel: Path, build: Build, tmp_path: Path
) -> None:
    with tarfile.open(build(tree, "sdist")) as archive:
        # Python has filters from 3.11.4 on.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path)  # noqa: S202 - made by the test itself
    (unpacked,) = tmp_path.iterdir()
    for name in ("tox.ini", ".ci/run", "docs/conf.py", "tests/conftest.py", "CHANGELOG.md"):
        assert (unpacked / name).is_file(), name
    assert _wheel_files(build(unpacked, "wheel")) == _wheel_files(wheel)
