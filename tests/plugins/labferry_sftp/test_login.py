import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.needs import require_program
from tests.servers.openssh import OpenSsh
from tests.servers.proftpd import PASSWORD, ProFtpd
from tests.servers.ssh_keys import make_key

from labferry.sdk import ConfigError, RefusedError

from .trying import check

PASSPHRASE = "tell-nobody-this"


@pytest.fixture
def encrypted_key(openssh: OpenSsh, tmp_path: Path) -> Path:
    """The account's key, encrypted."""
    key = tmp_path / "encrypted"
    key.write_bytes(openssh.key.read_bytes())
    key.chmod(0o600)
    keygen = require_program("ssh-keygen", "openssh-client")
    command = [keygen, "-q", "-p", "-P", "", "-N", PASSPHRASE, "-f", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return key


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """The socket of an agent that holds no key."""
    socket = tmp_path / "agent"
    program = require_program("ssh-agent", "openssh-client")
    with subprocess.Popen([program, "-D", "-a", socket], stdout=subprocess.DEVNULL) as process:
        while not socket.exists():
            assert process.poll() is None
        yield socket
        process.terminate()


def test_key_that_the_account_does_not_know(openssh: OpenSsh, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    with pytest.raises(RefusedError) as caught:
        check(openssh.settings(tmp_path, private_key=str(other)))
    assert f"with the key {other}; it accepts a key" in caught.value.message


def test_encrypted_key_with_its_passphrase(
    openssh: OpenSsh, tmp_path: Path, encrypted_key: Path
) -> None:
    table = openssh.settings(tmp_path, private_key=str(encrypted_key), passphrase=PASSPHRASE)
    assert check(table)


@pytest.mark.parametrize("passphrase", [None, "not-this-one"])
def test_encrypted_key_without_the_right_passphrase(
    openssh: OpenSsh, tmp_path: Path, encrypted_key: Path, passphrase: str | None
) -> None:
    table = openssh.settings(tmp_path, private_key=str(encrypted_key), passphrase=passphrase)
    with pytest.raises(ConfigError, match=r"encrypted|decrypted") as caught:
        check(table)
    assert "not-this-one" not in str(caught.value)


def test_key_as_a_secret(openssh: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUP_KEY", openssh.key.read_text())
    assert check(openssh.settings(tmp_path, private_key={"env": "BACKUP_KEY"}))


@pytest.mark.parametrize("content", [b"", b"no key at all\n"])
def test_file_that_is_no_key(openssh: OpenSsh, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigError, match="in no format of OpenSSH's"):
        check(openssh.settings(tmp_path, private_key=str(tmp_path / "key")))


def test_missing_key(openssh: OpenSsh, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        check(openssh.settings(tmp_path, private_key=str(tmp_path / "none")))


def test_certificate(openssh: OpenSsh, tmp_path: Path) -> None:
    key = make_key(tmp_path / "certified")
    keygen = require_program("ssh-keygen", "openssh-client")
    sign = [keygen, "-q", "-s", str(openssh.user_ca), "-I", "labferry", "-n", openssh.user]
    subprocess.run([*sign, str(key.with_suffix(".pub"))], check=True)
    table = openssh.settings(tmp_path, private_key=str(key))
    with pytest.raises(RefusedError):
        check(table)
    assert check({**table, "certificate": str(tmp_path / "certified-cert.pub")})


def test_agent(openssh: OpenSsh, tmp_path: Path, agent: Path) -> None:
    table = openssh.settings(tmp_path, private_key=None, agent=str(agent))
    with pytest.raises(RefusedError, match="the agent's keys"):
        check(table)
    add = require_program("ssh-add", "openssh-client")
    environment = {**os.environ, "SSH_AUTH_SOCK": str(agent)}
    subprocess.run([add, "-q", openssh.key], check=True, env=environment)
    assert check(table)


def test_agent_that_is_not_there(
    openssh: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(ConfigError, match="no SSH agent is known"):
        check(openssh.settings(tmp_path, private_key=None, agent=True))
    with pytest.raises(ConfigError, match="no SSH agent at"):
        check(openssh.settings(tmp_path, private_key=None, agent=str(tmp_path / "none")))


def test_password(proftpd: ProFtpd, tmp_path: Path) -> None:
    assert check(proftpd.settings(tmp_path))


def test_wrong_password_is_refused_and_not_shown(proftpd: ProFtpd, tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        check(proftpd.settings(tmp_path, password="wrong-horse"))
    assert "the password from plain text in the configuration" in caught.value.message
    assert "it accepts a password" in caught.value.message
    error: BaseException | None = caught.value
    while error is not None:
        assert "wrong-horse" not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__


@contextmanager
def asking(folder: Path, more: str = "") -> Iterator[OpenSsh]:
    """A server that asks questions to a person."""
    home = folder / "server"
    home.mkdir()
    with OpenSsh(home, more=more, keyboard=True).running() as server:
        yield server


@pytest.mark.parametrize("more", ["PubkeyAuthentication no", ""])
def test_keyboard_interactive_in_place_of_a_password_is_refused_with_the_reason(
    tmp_path: Path, more: str
) -> None:
    with asking(tmp_path, more) as server, pytest.raises(RefusedError) as caught:
        check(server.settings(tmp_path, private_key=None, password=PASSWORD))
    assert "questions to a person at the keyboard" in caught.value.message
    assert "keyboard-interactive is not supported" in caught.value.hint


def test_keyboard_interactive_after_the_key_is_refused_with_the_reason(tmp_path: Path) -> None:
    more = "AuthenticationMethods publickey,keyboard-interactive"
    with asking(tmp_path, more) as server, pytest.raises(RefusedError) as caught:
        check(server.settings(tmp_path))
    assert f"not content with the key {server.key}: it also wants questions" in caught.value.message
    assert "without this second factor" in caught.value.hint


def test_wrong_key_is_the_reason_where_keyboard_interactive_is_but_another_way(
    tmp_path: Path,
) -> None:
    other = make_key(tmp_path / "other")
    with asking(tmp_path) as server, pytest.raises(RefusedError) as caught:
        check(server.settings(tmp_path, private_key=str(other)))
    assert caught.value.hint.startswith("Check `username`")


def test_jump_host(openssh: OpenSsh, tmp_path: Path) -> None:
    jump = f"{openssh.user}@127.0.0.1:{openssh.port}"
    assert check(openssh.settings(tmp_path, proxy_jump=f"{jump},{jump}"))


def test_password_is_not_for_the_host_on_the_way(
    openssh: OpenSsh, proftpd: ProFtpd, tmp_path: Path, agent: Path
) -> None:
    table = proftpd.settings(
        tmp_path, proxy_jump=f"{openssh.user}@127.0.0.1:{openssh.port}", agent=str(agent)
    )
    hosts = tmp_path / "hosts"
    hosts.write_text(proftpd.known_hosts.read_text() + openssh.known_hosts.read_text())
    with pytest.raises(RefusedError) as caught:
        check({**table, "known_hosts": str(hosts)})
    assert "with the agent's keys" in caught.value.message
    assert "password" not in caught.value.message


def test_ssh_config_gives_what_is_not_set(openssh: OpenSsh, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host nas\n HostName 127.0.0.1\n Port {openssh.port}\n User {openssh.user}\n"
        f" IdentityFile {openssh.key}\n"
    )
    table = openssh.settings(
        tmp_path, host="nas", port=None, username=None, private_key=None, ssh_config=str(config)
    )
    assert check(table)


def test_more_keys_in_the_agent_than_the_server_looks_at(
    openssh: OpenSsh, tmp_path: Path, agent: Path
) -> None:
    keys = [make_key(tmp_path / f"key-{number}") for number in range(8)]
    add = [require_program("ssh-add", "openssh-client"), "-q", *map(str, keys), str(openssh.key)]
    subprocess.run(add, check=True, env={**os.environ, "SSH_AUTH_SOCK": str(agent)})
    with pytest.raises(RefusedError, match=r"too many keys.*`private_key`"):
        check(openssh.settings(tmp_path, private_key=None, agent=str(agent)))
