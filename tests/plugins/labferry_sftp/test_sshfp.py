"""Host keys from the DNS, with a resolver that validates and zones that are signed or not."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.lab import Done
from tests.needs import require_root
from tests.servers.openssh import OpenSsh
from tests.servers.ssh_keys import make_key, public_key

from labferry.sdk import PluginError

from .resolver import SIGNED, UNSIGNED, Unbound, sshfp_records
from .trying import check

Checked = Callable[..., Done]


@pytest.fixture(scope="module")
def resolver(openssh: OpenSsh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unbound]:
    require_root("a resolver on port 53")
    folder = tmp_path_factory.mktemp("resolver")
    # Not of the kind that the server would show first.
    right = sshfp_records(openssh.host_keys[1])
    wrong = sshfp_records(make_key(folder / "other"))
    old = [each for each in right if each.split()[2] == "1"]
    signed = {"right": right, "wrong": wrong, "forged": wrong, "old": old, "none": []}
    with Unbound(folder, signed, {"forged": right}, {"right": right}).running() as server:
        yield server


@pytest.fixture
def checked(openssh: OpenSsh, resolver: Unbound, tmp_path: Path) -> Checked:
    """`labferry check` where the resolver is the system's, and no host is known."""

    def run(
        host: str,
        *options: str,
        known: tuple[str, ...] = (),
        more: str = "",
        address: str | None = None,
        **changes: str,
    ) -> Done:
        hosts = tmp_path / "hosts"
        if known:
            hosts.write_text("".join(f"{line}\n" for line in known))
        table = openssh.settings(tmp_path, host=host, known_hosts=str(hosts), **changes)
        lines = [
            f"{key} = {value if key == 'port' else f'{value!r}'}" for key, value in table.items()
        ]
        config = tmp_path / "labferry.toml"
        config.write_text("\n".join(["[destinations.nas]", "sshfp = true", *lines]))
        command = [sys.executable, "-m", "labferry", "check", "-v", "-c", str(config), *options]
        done = subprocess.run(
            resolver.used_by(*command, more=more, address=address),
            capture_output=True,
            text=True,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


def test_published_key_is_trusted(checked: Checked) -> None:
    done = checked(f"right.{SIGNED}")
    assert done.code == 0, done.text
    assert "can be written and read" in done.text


def test_another_key_than_the_published_one_is_refused_and_never_accepted(
    checked: Checked, tmp_path: Path
) -> None:
    for options in ((), ("--accept-new-host-key",)):
        done = checked(f"wrong.{SIGNED}", *options)
        assert done.code != 0
        assert "but DNSSEC proves SSHFP records of SHA256:" in done.text
        assert "listening in between" in done.text
        assert not (tmp_path / "hosts").exists()


@pytest.mark.parametrize("host", [f"right.{UNSIGNED}", f"old.{SIGNED}", f"none.{SIGNED}"])
def test_records_that_prove_nothing_leave_the_host_unknown(checked: Checked, host: str) -> None:
    done = checked(host)
    assert done.code != 0
    assert "which is not known" in done.text
    assert checked(host, "--accept-new-host-key").code == 0


def test_records_that_were_tampered_with_are_no_unknown_host(checked: Checked) -> None:
    done = checked(f"forged.{SIGNED}", "--accept-new-host-key")
    assert done.code != 0
    assert f"The SSHFP records of forged.{SIGNED} can't be looked up" in done.text
    assert "SERVFAIL" in done.text


def test_resolver_that_does_not_answer_is_no_unknown_host(checked: Checked) -> None:
    done = checked(f"right.{SIGNED}", address="127.0.0.2", connect_timeout="1s")
    assert done.code != 0
    assert "can't be looked up" in done.text


@pytest.mark.parametrize("address", ["192.0.2.1", "127.0.0.11"])
def test_resolver_that_is_not_trusted_is_not_asked(checked: Checked, address: str) -> None:
    done = checked(f"right.{SIGNED}", address=address)
    assert done.code == 2
    assert "names none that can be trusted" in done.text


@pytest.mark.parametrize(("options", "code"), [("edns0", 2), ("edns0 trust-ad", 0)])
def test_resolver_elsewhere_is_asked_where_the_administrator_vouches_for_it(
    checked: Checked, options: str, code: int
) -> None:
    more = f"nameserver 192.0.2.1\noptions {options}"
    assert checked(f"right.{SIGNED}", more=more).code == code


def test_known_hosts_come_before_the_dns(
    openssh: OpenSsh, checked: Checked, tmp_path: Path
) -> None:
    wrong, right = (f"[{each}.{SIGNED}]:{openssh.port}" for each in ("wrong", "right"))
    known = f"{wrong} {public_key(openssh.host_keys[0])}"
    assert checked(f"wrong.{SIGNED}", known=(known,)).code == 0
    changed = f"{right} {public_key(make_key(tmp_path / 'old'))}"
    done = checked(f"right.{SIGNED}", known=(changed,))
    assert done.code != 0
    assert "but known for it is" in done.text


@pytest.mark.parametrize("name", ["*", "right"])
def test_revoked_key_is_refused_though_it_is_published(
    openssh: OpenSsh, checked: Checked, name: str
) -> None:
    place = name if name == "*" else f"[{name}.{SIGNED}]:{openssh.port}"
    revoked = f"@revoked {place} {public_key(openssh.host_keys[1])}"
    done = checked(f"right.{SIGNED}", "--accept-new-host-key", known=(revoked,))
    assert done.code != 0
    assert "revoked" in done.text


def test_address_is_not_looked_up(openssh: OpenSsh, tmp_path: Path) -> None:
    assert check(openssh.settings(tmp_path, sshfp=True))


def test_missing_extra_is_named(
    openssh: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in sys.modules if each.split(".")[0] == "dns"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "labferry_sftp.sshfp", raising=False)
    monkeypatch.setitem(sys.modules, "dns", None)
    table = openssh.settings(tmp_path, host="nas.example.edu", sshfp=True)
    with pytest.raises(PluginError, match="needs dnspython") as caught:
        check(table)
    assert "labferry[sshfp]" in caught.value.hint
