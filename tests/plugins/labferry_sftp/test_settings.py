from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from labferry.sdk import Secret
from labferry.sdk.settings import ConfigFile
from labferry_sftp import SftpSettings

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----\n"


def read(**keys: object) -> SftpSettings:
    table = {"type": "sftp", "host": "nas.example.edu", "path": "backup", **keys}
    return SftpSettings.model_validate(table)


def test_host_and_path_are_enough() -> None:
    settings = read()
    assert (settings.port, settings.username, settings.host_key) == (None, None, None)


@pytest.mark.parametrize("host", ["", "-oProxyCommand=x", "a b", "user@nas", "sftp://nas", "[::1]"])
def test_host_is_a_name_only(host: str) -> None:
    with pytest.raises(ValidationError):
        read(host=host)


@pytest.mark.parametrize(
    "hops", ["gate", "me@gate:2222", "gate, me@inner:22", "[::1]:22", "ssh://me@gate:22"]
)
def test_jump_hosts(hops: str) -> None:
    assert read(proxy_jump=hops).proxy_jump == hops


@pytest.mark.parametrize("hops", ["", "me@", "gate:ssh", "gate,,inner", "-oX=y"])
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


@pytest.mark.parametrize("how", ["readback", "size", "auto"])
def test_uploads_are_checked_as_asked(how: str) -> None:
    assert read(upload_check=how).upload_check == how
    assert read(upload_check=how, verify={"every": "30d"}).upload_check == how


def test_uploads_are_read_back_where_nothing_is_asked() -> None:
    assert read().upload_check == read(verify={"every": "30d"}).upload_check == "readback"
    with pytest.raises(ValidationError, match="one of auto, readback, size"):
        read(upload_check="trust")


def test_times_are_lengths_above_nothing() -> None:
    assert read(timeout="2m").timeout == timedelta(minutes=2)
    with pytest.raises(ValidationError):
        read(keepalive="0s")
