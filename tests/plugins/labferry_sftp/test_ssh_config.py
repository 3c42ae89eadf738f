"""What stands in `~/.ssh/config` is followed, but never a way round the host keys."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.needs import require_program
from tests.servers.openssh import OpenSsh
from tests.servers.ssh_keys import make_key, public_key
from tests.servers.tcp_proxy import Proxy

from labferry.sdk import ConfigError, JsonValue, RefusedError, Secret, TransientError

from .trying import check, sink

Table = dict[str, JsonValue]
Configured = Callable[..., Table]

# What would switch the verification off, if it were asked about.
_CARELESS = "StrictHostKeyChecking no\nUserKnownHostsFile none\nGlobalKnownHostsFile none\n"


@pytest.fixture
def gate(openssh: OpenSsh) -> Iterator[Proxy]:
    """A host on the way, that counts who comes by."""
    with Proxy(openssh.port) as between:
        yield between


@pytest.fixture
def configured(openssh: OpenSsh, tmp_path: Path) -> Configured:
    """A destination that is called `nas`, for whatever OpenSSH's configuration says of it."""

    def write(of_nas: str, others: str = "", known: tuple[str, ...] = ()) -> Table:
        nas = f"HostName 127.0.0.1\nPort {openssh.port}\nHostKeyAlias nas\n"
        config, hosts = tmp_path / "config", tmp_path / "hosts"
        config.write_text(f"{others}\nHost nas\n{nas}{of_nas}\nHost *\n{_CARELESS}")
        lines = [f"nas {public_key(openssh.host_keys[0])}", *known]
        hosts.write_text("".join(f"{line}\n" for line in lines))
        changes = {"host": "nas", "port": None, "known_hosts": str(hosts)}
        return openssh.settings(tmp_path, **changes, ssh_config=str(config))

    return write


def at(gate: Proxy) -> str:
    """The block for the host on the way."""
    return f"Host gate\nHostName 127.0.0.1\nPort {gate.port}\n"


def line_of(gate: Proxy, key: Path) -> str:
    return f"[127.0.0.1]:{gate.port} {public_key(key)}"


def test_host_on_the_way_with_a_known_key(
    openssh: OpenSsh, gate: Proxy, configured: Configured
) -> None:
    known = line_of(gate, openssh.host_keys[0])
    assert check(configured("ProxyJump gate", at(gate), (known,)))
    assert gate.connections == 1


def test_host_on_the_way_with_an_unknown_key_is_refused_until_it_is_accepted(
    openssh: OpenSsh, gate: Proxy, configured: Configured
) -> None:
    table = configured("ProxyJump gate", at(gate))
    line = line_of(gate, openssh.host_keys[0])
    with pytest.raises(RefusedError, match=rf"^\[127.0.0.1\]:{gate.port} shows .* not known") as it:
        check(table)
    assert f"add this line to {table['known_hosts']}: {line}" in it.value.hint
    (finding,) = sink(table).accept_new_host_keys()
    assert line in finding.message
    assert check(table)


def test_host_on_the_way_with_a_changed_key_is_never_accepted(
    gate: Proxy, configured: Configured, tmp_path: Path
) -> None:
    known = line_of(gate, make_key(tmp_path / "old"))
    table = configured("ProxyJump gate", at(gate), (known,))
    with pytest.raises(RefusedError, match="but known for it is"):
        check(table)
    with pytest.raises(RefusedError, match="but known for it is"):
        list(sink(table).accept_new_host_keys())


def test_host_on_the_way_may_itself_be_behind_another_one(
    openssh: OpenSsh, gate: Proxy, configured: Configured
) -> None:
    inner = f"Host inner\nHostName 127.0.0.1\nPort {openssh.port}\nProxyJump gate\n"
    known = tuple(
        f"[127.0.0.1]:{port} {public_key(openssh.host_keys[0])}"
        for port in (gate.port, openssh.port)
    )
    assert check(configured("ProxyJump inner", at(gate) + inner, known))
    assert gate.connections == 1


def test_jump_host_of_the_settings_takes_the_place_of_the_files(
    openssh: OpenSsh, gate: Proxy, configured: Configured
) -> None:
    table = configured(
        "ProxyJump nowhere.invalid", at(gate), (line_of(gate, openssh.host_keys[0]),)
    )
    assert check({**table, "proxy_jump": "gate"})
    assert gate.connections == 1


def test_jump_host_of_a_final_match(openssh: OpenSsh, gate: Proxy, configured: Configured) -> None:
    known = line_of(gate, openssh.host_keys[0])
    final = "Match final originalhost nas\nProxyJump gate"
    assert check(configured(final, at(gate), (known,)))
    assert gate.connections == 1


def test_account_on_the_way_is_that_of_the_file(
    openssh: OpenSsh, gate: Proxy, configured: Configured
) -> None:
    known = line_of(gate, openssh.host_keys[0])
    with pytest.raises(RefusedError, match=r"^nobody-here@gate does not let labferry in"):
        check(configured("ProxyJump gate", at(gate) + "User nobody-here\n", (known,)))


def test_verification_can_not_be_switched_off(openssh: OpenSsh, configured: Configured) -> None:
    table = configured("")
    assert check(table)
    hosts = Path(str(table["known_hosts"]))
    hosts.write_text("")
    with pytest.raises(RefusedError, match=r"^nas shows .* not known") as caught:
        check(table)
    assert f": nas {public_key(openssh.host_keys[0])}" in caught.value.hint
    list(sink(table).accept_new_host_keys())
    assert check(table)


def test_command_that_reaches_the_host(
    openssh: OpenSsh, configured: Configured, tmp_path: Path
) -> None:
    ssh = require_program("ssh", "openssh-client")
    careless = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"  # it talks of that
    gate = f"-i '{openssh.key}' -p {openssh.port} {openssh.user}@127.0.0.1"
    table = configured(f"ProxyCommand {ssh} -F none {careless} -W %h:%p {gate}")
    assert check(table)
    Path(str(table["known_hosts"])).write_text(f"nas {public_key(make_key(tmp_path / 'old'))}\n")
    with pytest.raises(RefusedError, match="but known for it is"):
        check(table)


def test_command_that_fails(configured: Configured) -> None:
    with pytest.raises(TransientError) as caught:
        check(configured("ProxyCommand echo there is no tunnel >&2; exit 1"))
    assert caught.value.hint == "Its ProxyCommand said: there is no tunnel"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("ProxyJump gate\nProxyCommand none", "in a circle"),
        ("ProxyJump gate\nProxyCommand false", "both a ProxyJump and a ProxyCommand"),
        ("ProxyJump gate:ssh", "can't be followed"),
        ("CanonicalizeHostname yes\nCanonicalDomains example.edu", "CanonicalizeHostname"),
        ("ServerAliveCountMax many", "line 6: Invalid ServerAliveCountMax"),
    ],
)
def test_what_can_not_be_followed_is_refused(configured: Configured, lines: str, told: str) -> None:
    circle = "Host gate\nProxyJump gate\n"
    with pytest.raises(ConfigError, match=told):
        check(configured(lines, circle) if "circle" in told else configured(lines.strip()))


def test_ciphers_of_the_file_are_used(configured: Configured) -> None:
    assert "with aes128-gcm@openssh.com" in check(configured(""))[0]
    assert "with aes256-ctr" in check(configured("Ciphers aes256-ctr"))[0]


def test_nothing_of_this_machine_is_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, seen = tmp_path / "server", tmp_path / "seen"
    home.mkdir()
    command = f"ForceCommand env > {seen}; exec /usr/lib/openssh/sftp-server"
    agent = require_program("ssh-agent", "openssh-client")
    socket, config = tmp_path / "agent", tmp_path / "config"
    config.write_text(
        "Host *\nForwardAgent yes\nSendEnv *\nSetEnv MINE=1\nRemoteCommand date\nRequestTTY force\n"
    )
    monkeypatch.setenv("RSPACE_API_KEY", "key-of-the-notebook")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    with (
        subprocess.Popen([agent, "-D", "-a", socket], stdout=subprocess.DEVNULL) as process,
        OpenSsh(home, more=f"AcceptEnv *\n{command}").running() as server,
    ):
        while not socket.exists():
            assert process.poll() is None
        try:
            assert check(server.settings(tmp_path, ssh_config=str(config), agent=True))
        finally:
            process.terminate()
    names = {line.partition("=")[0] for line in seen.read_text().splitlines()}
    assert names.isdisjoint({"SSH_AUTH_SOCK", "RSPACE_API_KEY", "MINE", "SSH_TTY"})


def test_proxy_command_sees_no_secret(
    configured: Configured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSPACE_API_KEY", "key-of-the-notebook")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-bucket")
    Secret.plain("hidden-in-a-proxy")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hidden-in-a-proxy@proxy.example.edu")
    monkeypatch.setenv("LC_TIME", "C")
    with pytest.raises(TransientError):
        check(configured(f"ProxyCommand env > {tmp_path}/seen"))
    names = {line.partition("=")[0] for line in (tmp_path / "seen").read_text().splitlines()}
    assert names.isdisjoint({"RSPACE_API_KEY", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY"})
    assert {"PATH", "LC_TIME"} <= names
