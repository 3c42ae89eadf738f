"""How to log in: keys, certificates, the agent, a password."""

import os
from pathlib import Path
from typing import Any

import asyncssh

from labferry.sdk import ConfigError, RefusedError, Secret
from labferry_sftp.settings import SftpSettings

__all__ = ["auth_failure", "login_options"]

_WORDS = {
    "publickey": "a key",
    "password": "a password",
    "keyboard-interactive": "questions to a person at the keyboard",
    "gssapi-with-mic": "Kerberos",
    "hostbased": "the client's host",
}


def login_options(settings: SftpSettings, *, jump: bool = False) -> dict[str, Any]:
    """What asyncssh is told to log in with; contains secrets.

    Args:
        settings: The settings.
        jump: Whether it is for a host on the way, which does not get the password.

    Raises:
        ConfigError: A key, certificate or agent can't be used.
    """
    options: dict[str, Any] = {
        "kbdint_auth": False,
        "gss_kex": False,
        "gss_auth": False,
        "host_based_auth": False,
        "agent_path": _agent(settings),
    }
    if settings.password is not None and not jump:
        options["password"] = settings.password.reveal()
    if settings.private_key is not None:
        options["client_keys"] = [_key(settings)]
    elif not options["agent_path"] and settings.password is not None:
        options["client_keys"] = None
    return options


def auth_failure(place: str, settings: SftpSettings, offered: list[str]) -> RefusedError:
    """What to tell where the server lets nobody in.

    Args:
        place: The account and server.
        settings: The settings.
        offered: The methods that the server offers, if it said.
    """
    tried = " and ".join(_tried(settings))
    wanted = ", ".join(_WORDS.get(each, each) for each in offered) or "nothing that it names"
    message = f"{place} does not let labferry in with {tried}; it accepts {wanted}."
    if offered == ["keyboard-interactive"]:
        return RefusedError(
            message,
            hint="Nobody is there to answer when labferry runs, so keyboard-interactive is not "
            "supported. Have a key added for the account, or PasswordAuthentication allowed.",
        )
    return RefusedError(
        message, hint="Check `username`, and that the account accepts this key or password."
    )


def _tried(settings: SftpSettings) -> list[str]:
    tried = []
    if isinstance(settings.private_key, Secret):
        tried.append(f"the key from {settings.private_key.origin}")
    elif settings.private_key is not None:
        tried.append(f"the key {settings.private_key}")
    if settings.certificate is not None:
        tried.append(f"the certificate {settings.certificate}")
    if settings.agent or (settings.agent is None and not (tried or settings.password)):
        tried.append("the agent's keys")
    if not (settings.private_key or settings.password):
        tried.append("the keys in ~/.ssh")
    if settings.password is not None:
        tried.append(f"the password from {settings.password.origin}")
    return tried


def _agent(settings: SftpSettings) -> str | tuple[()] | None:
    """The agent's socket; an empty tuple lets asyncssh look for it, None stands for no agent."""
    if isinstance(settings.agent, Path):
        if not settings.agent.is_socket():
            raise ConfigError(
                f"There is no SSH agent at {settings.agent}.", hint="Start it, or correct `agent`."
            )
        return str(settings.agent)
    if settings.agent is None:
        return None if settings.private_key or settings.password else ()
    if settings.agent and not os.environ.get("SSH_AUTH_SOCK") and not settings.ssh_config:
        raise ConfigError(
            "`agent` is set, but $SSH_AUTH_SOCK is not: no SSH agent is known here.",
            hint="Set it for the process that runs labferry, or give the path of the socket.",
        )
    return () if settings.agent else None


def _key(settings: SftpSettings) -> Any:  # noqa: ANN401 - what asyncssh takes for one
    source = settings.private_key
    name = (
        f"The private key from {source.origin}"
        if isinstance(source, Secret)
        else (f"The private key {source}")
    )
    passphrase = settings.passphrase.reveal() if settings.passphrase else None
    try:
        text = source.reveal().encode() if isinstance(source, Secret) else _read(source)
        key = asyncssh.import_private_key(text + b"\n", passphrase)
        if settings.certificate is None:
            return key
        return key, asyncssh.import_certificate(_read(settings.certificate))
    except asyncssh.KeyEncryptionError:
        raise ConfigError(
            f"{name} can't be decrypted.", hint="Set the right `passphrase` for it."
        ) from None
    except (asyncssh.KeyImportError, ValueError) as error:
        needs = isinstance(error, asyncssh.KeyImportError) and "assphrase" in str(error)
        raise ConfigError(
            f"{name} is encrypted; `passphrase` is not set."
            if needs
            else f"{name} or its certificate can't be read: it is in no format of OpenSSH's."
        ) from None


def _read(path: Path | None) -> bytes:
    try:
        return (path or Path()).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}.") from None
