"""Whether a configuration that asks for encryption can be kept."""

import io
from collections.abc import Iterator

from labferry.config import Config, InvalidConfigError
from labferry.encryption import Recipients, armoured, decrypted
from labferry.sdk import Encrypt, Finding, PluginError, Severity


def require_encryption(config: Config) -> None:
    """Make sure that every destination can be encrypted for, if it is to be.

    Raises:
        InvalidConfigError: Some recipients are no public keys; all of them are named.
        PluginError: The library for encryption is not installed.
    """
    problems = []
    for name, sink in config.destinations.items():
        encrypt = sink.settings.encrypt
        if encrypt is None:
            continue
        table = ("destinations", name, "encrypt")
        try:
            problems += [
                config.document.problem((*table, "recipients", index), message)
                for index, message in Recipients.mistakes(encrypt.recipients)
            ]
        except PluginError as error:
            place = config.document.problem(table, "this is needed but can't be used")
            raise PluginError(f"{place} {error.message}", hint=error.hint) from None
    if problems:
        raise InvalidConfigError(problems)


def check_encryption(encrypt: Encrypt) -> Iterator[Finding]:
    """Find out whether what is encrypted can be decrypted with the private keys that are given.

    Raises:
        RefusedError: None of them fits, or one can't be used.
    """
    recipients = Recipients(encrypt.recipients)
    said = (
        f"Archives are encrypted before they leave this machine, for {', '.join(recipients.keys)}"
    )
    if encrypt.identities:
        sample = io.BytesIO(armoured(b"labferry", recipients).encode())
        with decrypted(
            sample, encrypt.identities, where="A sample", recipients=recipients.keys
        ) as reader:
            reader.read()
        said += "; a private key in encrypt.identities opens them"
    yield Finding(Severity.OK, f"{said}.")
