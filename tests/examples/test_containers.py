"""The container file and the Kubernetes manifest in examples/ say what they must."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from labferry import __version__
from labferry.actions.session import kinds
from labferry.config import Config, load_config
from labferry.plugins import load_plugins
from labferry.sdk import ConfigError, NotFinishedError, RefusedError

IDENTITY = 10001


@pytest.fixture(scope="module")
def instructions(project: Path) -> list[tuple[str, str]]:
    """The container file, an instruction and its text each."""
    text = (project / "examples/container/Containerfile").read_text(encoding="utf-8")
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    lines = plain.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


@pytest.fixture(scope="module")
def manifests(project: Path) -> dict[str, Any]:
    text = (project / "examples/kubernetes/cronjob.yaml").read_text(encoding="utf-8")
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def loaded(manifests: dict[str, Any], folder: Path) -> Config:
    """The manifest's configuration, as labferry reads it."""
    file = folder / "labferry.toml"
    file.write_text(manifests["ConfigMap"]["data"]["labferry.toml"], encoding="utf-8")
    return load_config(file, kinds(load_plugins()))


@pytest.fixture(scope="module")
def pod(manifests: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifests["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


@pytest.fixture(scope="module")
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    assert isinstance(only, dict)
    return only


def test_both_stages_have_the_same_base(instructions: list[tuple[str, str]]) -> None:
    bases = {text.split(" AS ")[0] for word, text in instructions if word == "FROM"}
    (base,) = bases
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", base)


def test_the_container_does_not_run_as_root(instructions: list[tuple[str, str]]) -> None:
    words = [word for word, _ in instructions]
    last_stage = instructions[max(n for n, word in enumerate(words) if word == "FROM") :]
    users = [text for word, text in last_stage if word == "USER"]
    assert users == [f"{IDENTITY}:{IDENTITY}"]
    after = [word for word, _ in last_stage[[w for w, _ in last_stage].index("USER") :]]
    assert "RUN" not in after
    assert any(f"--uid {IDENTITY} " in text for word, text in last_stage if word == "RUN")


def test_no_secret_gets_into_the_image(project: Path, instructions: list[tuple[str, str]]) -> None:
    assert not {"ADD", "ARG"} & {word for word, _ in instructions}
    settings = " ".join(text for word, text in instructions if word == "ENV")
    assert not re.search("KEY|TOKEN|SECRET|PASSWORD", settings)
    ignored = (project / "examples/container/Containerfile.dockerignore").read_text("utf-8")
    rules = [line for line in ignored.splitlines() if not line.startswith("#")]
    assert rules[0] == "*"
    assert [rule for rule in rules[1:] if not (project / rule.removeprefix("!")).exists()] == []


def test_the_build_has_all_that_it_needs(project: Path) -> None:
    build = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    ignored = (project / "examples/container/Containerfile.dockerignore").read_text("utf-8")
    roots = {
        path.split("/")[0]
        for path in build["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    }
    files = {build["project"]["readme"], *build["project"]["license-files"], "pyproject.toml"}
    assert {f"!{name}" for name in roots | files} == set(
        re.findall(r"^!.*$", ignored, re.MULTILINE)
    )


def test_health_is_how_fresh_the_backup_is(instructions: list[tuple[str, str]]) -> None:
    (check,) = [text for word, text in instructions if word == "HEALTHCHECK"]
    command = json.loads(check.partition("CMD ")[2])
    assert command == ["/bin/sh", "-c", "labferry status --max-age 26h || exit 1"]


def test_runs_never_overlap(manifests: dict[str, Any]) -> None:
    assert manifests["CronJob"]["spec"]["concurrencyPolicy"] == "Forbid"


def test_a_run_is_not_ended_while_it_may_wait(manifests: dict[str, Any], tmp_path: Path) -> None:
    config = loaded(manifests, tmp_path)
    job = manifests["CronJob"]["spec"]["jobTemplate"]["spec"]
    longest = [vars(source.settings)["job_timeout"] for source in config.sources.values()]
    assert max(longest).total_seconds() < job["activeDeadlineSeconds"]
    assert config.max_wait is None


def test_the_configuration_is_valid(manifests: dict[str, Any], tmp_path: Path) -> None:
    assert loaded(manifests, tmp_path).warnings == ()


def test_secrets_are_files_and_nowhere_else(
    manifests: dict[str, Any], pod: dict[str, Any], container: dict[str, Any]
) -> None:
    assert "Secret" not in manifests
    assert not {"env", "envFrom"} & set(container)
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["secrets"]["secret"]["defaultMode"] == 0o440
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts["secrets"]["readOnly"] is True
    config = manifests["ConfigMap"]["data"]["labferry.toml"]
    files = re.findall(r'file = "(.*)/[^/]+"', config)
    assert set(files) == {mounts["secrets"]["mountPath"]}


def test_the_state_outlives_the_pod(
    manifests: dict[str, Any],
    pod: dict[str, Any],
    container: dict[str, Any],
    instructions: list[tuple[str, str]],
) -> None:
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    claim = volumes["state"]["persistentVolumeClaim"]["claimName"]
    assert claim == manifests["PersistentVolumeClaim"]["metadata"]["name"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    settings = " ".join(text for word, text in instructions if word == "ENV")
    assert f"STATE_DIRECTORY={mounts['state']}" in settings
    assert f"LABFERRY_CONFIG={mounts['config']}/labferry.toml" in settings


def test_the_pod_is_confined(pod: dict[str, Any], container: dict[str, Any]) -> None:
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert {context["runAsUser"], context["runAsGroup"], context["fsGroup"]} == {IDENTITY}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["image"] == f"labferry:{__version__}"


def test_labferry_itself_is_the_process_that_is_told_to_stop(
    container: dict[str, Any], instructions: list[tuple[str, str]]
) -> None:
    assert not {"command", "args"} & set(container)
    last = {word: text for word, text in instructions if word in {"ENTRYPOINT", "CMD"}}
    assert {word: json.loads(text) for word, text in last.items()} == {
        "ENTRYPOINT": ["labferry"],
        "CMD": ["sync"],
    }


def test_exit_codes_decide_what_becomes_of_the_job(manifests: dict[str, Any]) -> None:
    job = manifests["CronJob"]["spec"]["jobTemplate"]["spec"]
    rules = [rule for rule in job["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
    said = {code: rule["action"] for rule in rules for code in rule["onExitCodes"]["values"]}
    assert said == {
        NotFinishedError.exit_code: "Ignore",
        ConfigError.exit_code: "FailJob",
        RefusedError.exit_code: "FailJob",
    }
    assert all(rule["onExitCodes"]["operator"] == "In" for rule in rules)
    (container,) = job["template"]["spec"]["containers"]
    assert {rule["onExitCodes"]["containerName"] for rule in rules} == {container["name"]}
    # What podFailurePolicy asks for.
    assert job["template"]["spec"]["restartPolicy"] == "Never"
