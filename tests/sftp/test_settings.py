from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from labferry.sdk import Secret
from labferry.sdk.settings import ConfigFile
from labferry_sftp import SftpSettings
from labferry_sftp.pace import Pacer

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----\n"


def read(**keys: object) -> SftpSettings:
    table = {"type": "sftp", "host": "nas.example.edu", "path": "backup", **keys}
    return SftpSettings.model_validate(table)


def test_host_and_path_are_enough() -> None:
    settings = read()
    assert (settings.port, settings.verify, settings.bandwidth_limit) == (None, "readback", None)


@pytest.mark.parametrize("host", ["", "-oProxyCommand=x", "a b", "user@nas", "sftp://nas", "[::1]"])
def test_host_is_a_name_only(host: str) -> None:
    with pytest.raises(ValidationError):
        read(host=host)


@pytest.mark.parametrize("hops", ["gate", "me@gate:2222", "gate, me@inner:22"])
def test_jump_hosts(hops: str) -> None:
    assert read(proxy_jump=hops).proxy_jump == hops


@pytest.mark.parametrize("hops", ["", "me@", "gate:ssh", "gate,,inner"])
def test_wrong_jump_hosts(hops: str) -> None:
    with pytest.raises(ValidationError):
        read(proxy_jump=hops)


@pytest.mark.parametrize(
    "pin", ["SHA256:", "MD5:aa:bb", "ssh-ed25519", "nonsense", "SHA256:not base64", "ssh-rsa !!"]
)
def test_wrong_pins(pin: str) -> None:
    with pytest.raises(ValidationError, match="fingerprint"):
        read(host_key=pin)


def test_private_key_is_a_path_or_a_secret() -> None:
    assert isinstance(read(private_key="keys/backup").private_key, Path)
    assert isinstance(read(private_key={"env": "KEY"}).private_key, Secret)


def test_pasted_private_key_is_a_secret_and_not_shown() -> None:
    assert isinstance(read(private_key=KEY).private_key, Secret)
    table = {"type": "sftp", "host": "nas", "path": "backup", "private_key": KEY}
    file = ConfigFile(Path("/etc/labferry/labferry.toml"), private=False)
    with pytest.raises(ValidationError) as caught:
        SftpSettings.model_validate(table, context=file)
    assert "b3BlbnNzaC1rZXk" not in str(caught.value)


@pytest.mark.parametrize("key", ["certificate", "passphrase"])
def test_what_belongs_to_a_private_key_needs_one(key: str) -> None:
    with pytest.raises(ValidationError, match="needs the `private_key`"):
        read(**{key: "x"})


@pytest.mark.parametrize(
    ("text", "rate"), [("20 MB/s", 20_000_000), ("1.5 MiB", 1_572_864), ("500kb/s", 500_000)]
)
def test_bandwidth_limit_as_people_write_it(text: str, rate: int) -> None:
    assert read(bandwidth_limit=text).bandwidth_limit == rate


@pytest.mark.parametrize("text", ["fast", "20", "0 MB/s", "-1 MB/s", True, 0])
def test_wrong_bandwidth_limits(text: object) -> None:
    with pytest.raises(ValidationError, match="20 MB/s"):
        read(bandwidth_limit=text)


def test_times_are_lengths_above_nothing() -> None:
    assert read(timeout="2m").timeout == timedelta(minutes=2)
    with pytest.raises(ValidationError):
        read(keepalive="0s")


def test_pacer_keeps_to_the_rate_and_saves_nothing_up() -> None:
    now = 0.0
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    pacer = Pacer(100, lambda: now, sleep)
    for _ in range(11):
        pacer.take(100)
    assert now == pytest.approx(10 - 0.25, abs=0.3)
    now += 1000
    slept.clear()
    for _ in range(3):
        pacer.take(100)
    assert sum(slept) == pytest.approx(2 - 0.25, abs=0.01)
