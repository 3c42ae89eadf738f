"""The private keys to decrypt with."""

from collections.abc import Iterator, Sequence
from typing import Any

from labferry.encryption.age import load_age
from labferry.sdk import RefusedError, Secret

_LOCKED_FILES = ("age-encryption.org/", "-----BEGIN AGE ENCRYPTED FILE-----")


def parse_identities(identities: Sequence[Secret]) -> list[Any]:
    """Private keys as the library wants them.

    Args:
        identities: Each the text of an identity file as `age-keygen` writes it, with any number
            of keys in it, one such key, or an SSH private key.

    Raises:
        RefusedError: One of them can't be used as it is.
        ConfigError: One of them can't be fetched.
        PluginError: The library for encryption is not installed.
    """
    return [key for identity in identities for key in _keys(identity)]


def _keys(identity: Secret) -> Iterator[Any]:
    text = identity.reveal().strip()
    if text.startswith(_LOCKED_FILES):
        raise RefusedError(
            f"The identity file from {identity.origin} is protected by a passphrase, and labferry "
            "does not ask for one.",
            hint="Decrypt it first, where nobody else can read it, as with: "
            "age --decrypt --output identity.txt PROTECTED_FILE",
        )
    if text.startswith("-----BEGIN"):
        yield _ssh_key(identity, text)
        return
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise _unusable(identity)
    for key in keys:
        yield _age_key(identity, key)


def _age_key(identity: Secret, text: str) -> Any:  # noqa: ANN401 - the library has no types
    age = load_age()
    try:
        return age.x25519.Identity.from_str(text)
    except age.IdentityError:
        raise _unusable(identity) from None


def _ssh_key(identity: Secret, text: str) -> Any:  # noqa: ANN401 - the library has no types
    age = load_age()
    try:
        return age.ssh.Identity.from_buffer(f"{text}\n".encode())
    except age.IdentityError as error:
        if "decrypted first" not in str(error):
            raise _unusable(identity) from None
    raise RefusedError(
        f"The SSH key from {identity.origin} is protected by a passphrase, and labferry does not "
        "ask for one.",
        hint="Remove it from a copy that nobody else can read, as with: ssh-keygen -p -f COPY",
    )


def _unusable(identity: Secret) -> RefusedError:
    return RefusedError(
        f"The identity from {identity.origin} is no private key that can be used.",
        hint="Expected a file that age-keygen wrote, a key AGE-SECRET-KEY-1…, or an SSH private "
        "key of type ed25519 or RSA.",
    )
