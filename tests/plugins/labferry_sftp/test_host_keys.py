import subprocess
from pathlib import Path

import pytest
from tests.needs import require_program
from tests.servers.openssh import OpenSsh
from tests.servers.ssh_keys import make_key, public_key

from labferry.sdk import RefusedError

from .trying import check, sink, store


def fingerprint(key: Path) -> str:
    keygen = require_program("ssh-keygen", "openssh-client")
    done = subprocess.run([keygen, "-l", "-f", key], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def known(folder: Path, *lines: str) -> str:
    file = folder / "hosts"
    file.write_text("".join(f"{line}\n" for line in lines))
    return str(file)


def test_unknown_host_is_refused_with_the_line_to_add(openssh: OpenSsh, tmp_path: Path) -> None:
    file = known(tmp_path)
    with pytest.raises(RefusedError) as caught:
        check(openssh.settings(tmp_path, known_hosts=file))
    line = openssh.known_line(openssh.host_keys[0])
    assert fingerprint(openssh.host_keys[0]) in caught.value.message
    assert f"add this line to {file}: {line}" in caught.value.hint
    known(tmp_path, line)
    assert check(openssh.settings(tmp_path, known_hosts=file))


def test_missing_file_of_known_hosts_knows_nobody(openssh: OpenSsh, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="not known"):
        check(openssh.settings(tmp_path, known_hosts=str(tmp_path / "none")))


def test_changed_key_is_refused_with_a_warning(openssh: OpenSsh, tmp_path: Path) -> None:
    old = make_key(tmp_path / "old")
    file = known(tmp_path, openssh.known_line(old))
    with pytest.raises(RefusedError) as caught:
        check(openssh.settings(tmp_path, known_hosts=file))
    assert fingerprint(old) in caught.value.message
    assert "listening in between" in caught.value.hint


def test_changed_kind_of_key_is_a_changed_key(openssh: OpenSsh, tmp_path: Path) -> None:
    old = make_key(tmp_path / "old", "-b", "2048", kind="rsa")
    file = known(tmp_path, openssh.known_line(old))
    with pytest.raises(RefusedError, match="but known for it is ssh-rsa"):
        check(openssh.settings(tmp_path, known_hosts=file))


def test_second_host_key_that_is_known_is_asked_for(openssh: OpenSsh, tmp_path: Path) -> None:
    file = known(tmp_path, openssh.known_line(openssh.host_keys[1]))
    assert check(openssh.settings(tmp_path, known_hosts=file))


def test_second_host_key_that_is_known_by_address_is_asked_for(
    openssh: OpenSsh, tmp_path: Path
) -> None:
    file = known(tmp_path, openssh.known_line(openssh.host_keys[1]))
    assert check(openssh.settings(tmp_path, host="localhost", known_hosts=file))


def test_hashed_names_and_lines_that_are_no_entries(openssh: OpenSsh, tmp_path: Path) -> None:
    file = known(tmp_path, openssh.known_line(openssh.host_keys[0]))
    keygen = require_program("ssh-keygen", "openssh-client")
    subprocess.run([keygen, "-q", "-H", "-f", file], check=True, capture_output=True)
    text = Path(file).read_text()
    assert text.startswith("|1|")
    Path(file).write_text(f"this-is-nothing\n{text}@unknown-marker x y\n")
    assert check(openssh.settings(tmp_path, known_hosts=file))


def test_revoked_key_is_refused(openssh: OpenSsh, tmp_path: Path) -> None:
    line = openssh.known_line(openssh.host_keys[0])
    file = known(tmp_path, line, f"@revoked {line}")
    with pytest.raises(RefusedError, match="revoked"):
        check(openssh.settings(tmp_path, known_hosts=file))


def test_host_certificate_of_a_known_authority(tmp_path: Path) -> None:
    home = tmp_path / "server"
    home.mkdir()
    certificate = home / "host_ed25519-cert.pub"
    server = OpenSsh(home, more=f"HostCertificate {certificate}")
    authority, other = make_key(tmp_path / "authority"), make_key(tmp_path / "other")
    keygen = require_program("ssh-keygen", "openssh-client")
    sign = [keygen, "-q", "-h", "-s", str(authority), "-I", "server", "-n", "127.0.0.1"]
    subprocess.run([*sign, str(home / "host_ed25519.pub")], check=True)
    table = server.settings(tmp_path, known_hosts=str(tmp_path / "hosts"))
    with server.running():
        known(tmp_path, f"@cert-authority {server.known_line(authority)}")
        assert check(table)
        known(tmp_path, f"@cert-authority {server.known_line(other)}")
        with pytest.raises(RefusedError):
            check(table)


@pytest.mark.parametrize("number", [0, 1])
def test_pinned_fingerprint_needs_no_known_hosts(
    openssh: OpenSsh, tmp_path: Path, number: int
) -> None:
    pin = fingerprint(openssh.host_keys[number])
    empty = known(tmp_path)
    assert check(openssh.settings(tmp_path, known_hosts=empty, host_key=pin))


def test_pinned_key_needs_no_known_hosts(openssh: OpenSsh, tmp_path: Path) -> None:
    pin = public_key(openssh.host_keys[1])
    assert check(openssh.settings(tmp_path, known_hosts=known(tmp_path), host_key=pin))


def test_another_key_than_the_pinned_one_is_refused_even_if_known(
    openssh: OpenSsh, tmp_path: Path
) -> None:
    other = make_key(tmp_path / "other")
    for pin in (fingerprint(other), public_key(other)):
        with pytest.raises(RefusedError, match="not the one in `host_key`"):
            check(openssh.settings(tmp_path, host_key=pin))


def test_accepting_notes_the_key_once(openssh: OpenSsh, tmp_path: Path) -> None:
    file = Path(known(tmp_path))
    file.write_text("other.example.edu ssh-ed25519 AAAA")  # without an end of line
    table = openssh.settings(tmp_path, known_hosts=str(file))
    findings = list(sink(table).accept_new_host_keys())
    assert [fingerprint(openssh.host_keys[0]) in each.message for each in findings] == [True]
    assert file.read_text().splitlines()[1:] == [openssh.known_line(openssh.host_keys[0])]
    assert list(sink(table).accept_new_host_keys()) == []
    store(table)


def test_accepting_makes_the_file_for_its_owner_alone(openssh: OpenSsh, tmp_path: Path) -> None:
    file = tmp_path / "new" / "hosts"
    list(sink(openssh.settings(tmp_path, known_hosts=str(file))).accept_new_host_keys())
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_accepting_takes_no_changed_key(openssh: OpenSsh, tmp_path: Path) -> None:
    file = known(tmp_path, openssh.known_line(make_key(tmp_path / "old")))
    before = Path(file).read_text()
    with pytest.raises(RefusedError, match="but known for it is"):
        list(sink(openssh.settings(tmp_path, known_hosts=file)).accept_new_host_keys())
    assert Path(file).read_text() == before


def test_host_on_the_way_is_verified_too(openssh: OpenSsh, tmp_path: Path) -> None:
    line = openssh.known_line(openssh.host_keys[0])
    target = line.replace("127.0.0.1", "localhost")
    jump = f"{openssh.user}@127.0.0.1:{openssh.port}"
    table = openssh.settings(
        tmp_path, host="localhost", proxy_jump=jump, known_hosts=known(tmp_path, target)
    )
    with pytest.raises(RefusedError, match=rf"\[127.0.0.1\]:{openssh.port} shows .* not known"):
        check(table)
    known(tmp_path, target, line)
    assert check(table)
