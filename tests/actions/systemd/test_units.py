"""`labferry init --systemd`, and the examples that are made from the same templates."""

import configparser
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.needs import needs_program

from labferry.actions.session import kinds
from labferry.actions.systemd.text import UnitContext, service_unit, timer_unit
from labferry.config import Config, load_config
from labferry.plugins import load_plugins
from labferry.sdk import ConfigError

needs_systemd = needs_program("systemd-analyze", "systemd")
INSTALLED = UnitContext(("/opt/labferry/bin/labferry",), "labferry")
HEAD = """\
[sources.lab]
type = "rspace"
url = "https://rspace.example.edu"
api_key = { credential = "rspace-key" }
"""
NAS = '[destinations.nas]\ntype = "local"\npath = "/mnt/nas"\n'


def loaded(folder: Path, text: str) -> Config:
    """A configuration as if it were installed in /etc."""
    file = folder / "labferry.toml"
    file.write_text(text, encoding="utf-8")
    return replace(load_config(file, kinds(load_plugins())), path=Path("/etc/labferry/my.toml"))


def service(folder: Path, text: str, context: UnitContext = INSTALLED) -> dict[str, list[str]]:
    """The directives of [Service] with all values of each."""
    directives: dict[str, list[str]] = {}
    unit = service_unit(loaded(folder, text), context)
    for name, value in re.findall(r"^(\w+)=(.*)$", unit, re.MULTILINE):
        directives.setdefault(name, []).append(value)
    return directives


def init(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "labferry", "init", "--systemd", *arguments],
        cwd=folder,
        env={**os.environ, "LABFERRY_CONFIG": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_examples_are_what_the_command_writes(project: Path, tmp_path: Path) -> None:
    page = (project / "docs/how-to/schedule.md").read_text(encoding="utf-8")
    example = re.findall(r":caption: (/etc/labferry/labferry.toml)\n(.*?)```", page, re.DOTALL)
    ((path, text),) = example
    config = replace(loaded(tmp_path, text), path=Path(path))
    folder = project / "examples/systemd"
    assert (folder / "labferry.service").read_text("utf-8") == service_unit(config, INSTALLED)
    assert (folder / "labferry.timer").read_text("utf-8") == timer_unit()


def test_every_credential_is_loaded_once(tmp_path: Path) -> None:
    second = HEAD.replace("sources.lab", "sources.two")
    sink = """\
[destinations.s3]
type = "s3"
bucket = "lab"
access_key_id = { credential = "s3-id" }
secret_access_key = { file = "/etc/labferry/s3" }
"""
    found = service(tmp_path, HEAD + second + sink)
    folder = "/etc/labferry/credentials"
    assert found["LoadCredential"] == [f"rspace-key:{folder}/rspace-key", f"s3-id:{folder}/s3-id"]


def test_folders_that_a_run_writes_to_are_writable(tmp_path: Path) -> None:
    observer = '[observers.metrics]\ntype = "prometheus"\npath = "/var/lib/node/labferry.prom"\n'
    disk = '[destinations.disk]\ntype = "local"\npath = "/srv/disk"\n'
    top = 'spool_dir = "/var/spool/labferry"\n'
    found = service(tmp_path, top + HEAD + NAS + disk + observer)
    assert found["ReadWritePaths"] == [
        "-/var/spool/labferry -/mnt/nas -/srv/disk -/var/lib/node",
    ]
    assert found["StateDirectory"] == ["labferry"]


def test_without_local_destinations_nothing_is_writable(tmp_path: Path) -> None:
    found = service(tmp_path, HEAD + '[destinations.s3]\ntype = "s3"\nbucket = "lab"\n')
    assert "ReadWritePaths" not in found


def test_a_state_folder_of_ones_own_takes_the_place_of_that_of_systemd(tmp_path: Path) -> None:
    found = service(tmp_path, 'state_dir = "/srv/state"\n' + HEAD + NAS)
    assert found["ReadWritePaths"] == ["-/srv/state -/mnt/nas"]
    assert "StateDirectory" not in found
    assert "StateDirectoryMode" not in found


def test_homes_can_be_read_only_where_something_is_in_them(tmp_path: Path) -> None:
    assert service(tmp_path, HEAD + NAS)["ProtectHome"] == ["yes"]
    in_home = NAS.replace("/mnt/nas", "/home/alice/nas")
    assert service(tmp_path, HEAD + in_home)["ProtectHome"] == ["read-only"]
    key = HEAD.replace('{ credential = "rspace-key" }', '{ file = "/root/rspace.key" }')
    assert service(tmp_path, key + NAS)["ProtectHome"] == ["read-only"]
    authority = HEAD + 'ca_file = "/home/alice/ca.pem"\n'
    assert service(tmp_path, authority + NAS)["ProtectHome"] == ["read-only"]
    hers = UnitContext(INSTALLED.program, "alice")
    assert service(tmp_path, HEAD + NAS, hers)["ProtectHome"] == ["read-only"]


def test_characters_that_mean_something_to_systemd_are_quoted(tmp_path: Path) -> None:
    context = UnitContext(("/opt/my $tools/100%/python", "-m", "labferry"), "labferry")
    found = service(tmp_path, HEAD + NAS.replace("/mnt/nas", "/mnt/the nas 5%"), context)
    assert found["ReadWritePaths"] == ['"-/mnt/the nas 5%%"']
    assert found["ExecStart"] == [
        '"/opt/my $tools/100%%/python" -m labferry sync --config /etc/labferry/my.toml'
    ]


@needs_systemd
def test_systemd_reads_odd_paths_as_they_were_meant(tmp_path: Path) -> None:
    folder = tmp_path / "my $tools; 100% sure"
    folder.mkdir()
    program = folder / "labferry"
    program.symlink_to(sys.executable)
    config = replace(loaded(tmp_path, HEAD + NAS), path=folder / "Ana's.toml")
    unit = tmp_path / "labferry.service"
    unit.write_text(service_unit(config, UnitContext((str(program),), "root")), encoding="utf-8")
    checked = analyze("verify", "--man=no", unit)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_path_that_no_unit_can_hold_is_refused(tmp_path: Path) -> None:
    config = loaded(tmp_path, HEAD + NAS.replace("/mnt/nas", r"/mnt/a\nUser=root"))
    with pytest.raises(ConfigError, match="can't be part of a systemd unit"):
        service_unit(config, INSTALLED)


def test_a_program_that_systemd_would_not_start_is_refused(tmp_path: Path) -> None:
    context = UnitContext(("/opt/Ana's/labferry",), "labferry")
    with pytest.raises(ConfigError, match="a quote or a backslash"):
        service_unit(loaded(tmp_path, HEAD + NAS), context)


def test_the_units_are_written_for_the_program_that_runs(tmp_path: Path) -> None:
    config = tmp_path / "labferry.toml"
    config.write_text(HEAD + NAS, encoding="utf-8")

    done = init(tmp_path, "--json")

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    files = [tmp_path / "labferry.service", tmp_path / "labferry.timer"]
    assert document["files"] == [str(file) for file in files]
    assert any("credentials/rspace-key" in note for note in document["notes"])
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(files[0], encoding="utf-8")
    command = f"{sys.executable} -m labferry sync --config {config}"
    assert unit["Service"]["ExecStart"] == command


def test_a_secret_of_the_environment_is_told_of(tmp_path: Path) -> None:
    text = HEAD.replace('{ credential = "rspace-key" }', '{ env = "RSPACE_API_KEY" }')
    (tmp_path / "labferry.toml").write_text(text + NAS, encoding="utf-8")
    done = init(tmp_path)
    assert "sources.lab.api_key is read from $RSPACE_API_KEY" in done.stderr
    assert '{ credential = "rspace-api-key" }' in done.stderr


def test_what_is_missing_on_the_machine_is_told(tmp_path: Path) -> None:
    text = HEAD.replace('{ credential = "rspace-key" }', '{ file = "key" }')
    there = '[destinations.disk]\ntype = "local"\npath = "."\n'
    (tmp_path / "labferry.toml").write_text(text + NAS + there, encoding="utf-8")
    done = init(tmp_path)
    folders = [line for line in done.stderr.splitlines() if "Make the folder" in line]
    assert [line.partition(",")[0] for line in folders] == ["labferry: Make the folder /mnt/nas"]
    if os.geteuid() == 0:
        assert (
            f"Let labferry read the secret sources.lab.api_key: {tmp_path / 'key'}" in done.stderr
        )


@pytest.mark.parametrize("name", ["labferry.service", "labferry.timer"])
def test_files_that_are_there_are_not_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / "labferry.toml").write_text(HEAD + NAS, encoding="utf-8")
    (tmp_path / name).write_text("mine", encoding="utf-8")

    done = init(tmp_path)

    assert done.returncode == 2
    assert f"{tmp_path / name} exists already" in done.stderr
    assert {file.name for file in tmp_path.iterdir()} == {"labferry.toml", name}
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "labferry.toml").write_text(HEAD + NAS, encoding="utf-8")
    done = init(tmp_path, "units")
    assert done.returncode == 2
    assert f"{tmp_path / 'units/labferry.service'} can't be written" in done.stderr


@needs_systemd
def test_systemd_finds_nothing_wrong_with_what_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "the units"
    folder.mkdir()
    (tmp_path / "my 100%.toml").write_text(
        HEAD + NAS.replace("/mnt/nas", "/mnt/the nas"), encoding="utf-8"
    )
    assert init(tmp_path, "-c", "my 100%.toml", folder).returncode == 0
    units = sorted(folder.iterdir())
    checked = analyze("verify", "--man=no", *units)
    assert (checked.returncode, checked.stderr) == (0, "")
    secure = analyze("security", "--offline=true", "--threshold=25", units[0])
    assert secure.returncode == 0, secure.stdout
