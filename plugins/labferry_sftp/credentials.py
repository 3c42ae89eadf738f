"""How to log in: keys, certificates, the agent, a password."""

import os
from pathlib import Path
from typing import Any

import asyncssh

from labferry.sdk import ConfigError, RefusedError, Secret
from labferry.sdk.files import read_small_file
from labferry_sftp.settings import SftpSettings

KEYBOARD = "keyboard-interactive"
"""What SSH calls questions to a person."""

_WORDS = {
    "publickey": "a key",
    "password": "a password",
    KEYBOARD: "questions to a person at the keyboard",
    "gssapi-with-mic": "Kerberos",
    "hostbased": "the client's host",
}


def login_options(settings: SftpSettings, *, jump: bool = False) -> dict[str, Any]:
    """The options with which asyncssh logs in; they contain secrets.

    Args:
        settings: The settings.
        jump: Whether it is for a host on the way, which does not get the password.

    Raises:
        ConfigError: A key, certificate or agent can't be used.
    """
    password = None if jump else settings.password
    options: dict[str, Any] = {
        "kbdint_auth": True,  # so that it is noticed; nothing is ever answered
        "gss_kex": False,
        "gss_auth": False,
        "host_based_auth": False,
        "agent_path": _agent(settings, password),
    }
    if password is not None:
        options["password"] = password.reveal()
    if settings.private_key is not None:
        options["client_keys"] = [_key(settings)]
    elif not _may_use_keys(settings, password):
        options["client_keys"] = None
    return options


def auth_failure(
    place: str, settings: SftpSettings, offered: list[str], *, jump: bool, late: bool
) -> RefusedError:
    """What to tell where the server lets nobody in.

    Args:
        place: The account and server.
        settings: The settings.
        offered: The methods that the server offers, if it said.
        jump: As for `login_options`.
        late: Whether it asked questions to a person after it had accepted something else.
    """
    password = None if jump else settings.password
    tried = " and ".join(_tried(settings, password))
    if late:
        return RefusedError(
            f"{place} is not content with {tried}: it also wants {_WORDS[KEYBOARD]}.",
            hint=f"{_NOBODY} Have the account let in without this second factor.",
        )
    wanted = ", ".join(_WORDS.get(each, each) for each in offered) or "nothing that it names"
    message = f"{place} does not let labferry in with {tried}; it accepts {wanted}."
    if KEYBOARD in offered and not _methods(settings, password) <= set(offered):
        hint = f"{_NOBODY} Have a key added for the account, or PasswordAuthentication allowed."
    else:
        hint = "Check `username`, and that the account accepts this key or password."
    return RefusedError(message, hint=hint)


def is_of_login(error: Exception) -> bool:
    """Whether what asyncssh raised says that the server lets nobody in with what was tried."""
    if isinstance(error, asyncssh.PermissionDenied):
        return True
    # OpenSSH counts each key as an attempt, and hangs up after six.
    return isinstance(error, asyncssh.DisconnectError) and _TOO_MANY in error.reason.casefold()


def too_many_keys(place: str, settings: SftpSettings) -> RefusedError:
    """The error to raise if the server hung up before every key was tried."""
    tried = " and ".join(_tried(settings, settings.password))
    return RefusedError(
        f"{place} hung up while labferry tried {tried}: these are too many keys for it.",
        hint="Set `private_key` to the key that the account accepts, or leave other keys out of "
        "the agent.",
    )


def is_of_key_file(error: Exception) -> bool:
    """Whether what asyncssh raised is about a file with a key, which `ssh_config` names."""
    kinds = (asyncssh.KeyImportError, asyncssh.KeyEncryptionError)
    return isinstance(error, kinds) or (isinstance(error, OSError) and bool(error.filename))


def key_file_failure(error: Exception, place: str) -> ConfigError:
    """The error to raise for it."""
    if isinstance(error, OSError):
        return ConfigError(
            f"{error.filename} can't be read: {error.strerror}.",
            hint="`IdentityFile` or `CertificateFile` of `ssh_config` names it. Correct that, or "
            "set `private_key`.",
        )
    return ConfigError(
        f"A key that `ssh_config` names for {place} can't be used: {error}.",
        hint="Correct `IdentityFile`, or set `private_key` and, if the key has one, `passphrase`.",
    )


_TOO_MANY = "too many authentication failures"
_NOBODY = "Nobody is there to answer when labferry runs, so keyboard-interactive is not supported."


def _methods(settings: SftpSettings, password: Secret | None) -> set[str]:
    """The methods that labferry can log in with."""
    keys = {"publickey"} if _may_use_keys(settings, password) else set()
    return keys | ({"password"} if password is not None else set())


def _may_use_keys(settings: SftpSettings, password: Secret | None) -> bool:
    return settings.private_key is not None or bool(settings.agent) or password is None


def _tried(settings: SftpSettings, password: Secret | None) -> list[str]:
    tried = []
    if isinstance(settings.private_key, Secret):
        tried.append(f"the key from {settings.private_key.origin}")
    elif settings.private_key is not None:
        tried.append(f"the key {settings.private_key}")
    if settings.certificate is not None:
        tried.append(f"the certificate {settings.certificate}")
    if settings.agent or (settings.agent is None and not (tried or password)):
        tried.append("the agent's keys")
    if not (settings.private_key or password):
        tried.append("the keys in ~/.ssh")
    if password is not None:
        tried.append(f"the password from {password.origin}")
    return tried


def _agent(settings: SftpSettings, password: Secret | None) -> str | tuple[()] | None:
    """The agent's socket; an empty tuple lets asyncssh look for it, None stands for no agent."""
    if isinstance(settings.agent, Path):
        if not settings.agent.is_socket():
            raise ConfigError(
                f"There is no SSH agent at {settings.agent}.", hint="Start it, or correct `agent`."
            )
        return str(settings.agent)
    if settings.agent is None:
        return None if settings.private_key or password else ()
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
        return read_small_file(path or Path())
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}.") from None
