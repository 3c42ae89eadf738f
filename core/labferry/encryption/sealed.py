"""The manifest of an encrypted archive: what anybody may know of it, and the rest, encrypted."""

import hashlib
import io
from collections.abc import Sequence

from labferry.encryption.decrypt import decrypted
from labferry.sdk import (
    Digests,
    IntegrityError,
    InvalidAnswerError,
    Manifest,
    ManifestEncryption,
    ManifestSource,
    Secret,
)

_SERIES_LENGTH = 32


def seal_manifest(
    plain: Manifest, *, file: str, size: int, digests: Digests, encryption: ManifestEncryption
) -> Manifest:
    """The manifest to store beside an encrypted archive.

    It tells what listing, retention and verification need, and the source's name and the time to
    pick an archive by. What was exported is replaced by a hash that is the same for every archive
    of the series: nothing can be read from it, but who guesses what was exported can see whether
    the guess is right.

    Args:
        plain: The manifest of the archive as it was before.
        file: The encrypted file's name.
        size: Its size.
        digests: Its digests.
        encryption: For whom it is encrypted, with the plain manifest sealed in it.
    """
    return Manifest(
        labferry_manifest=1,
        archive_id=plain.archive_id,
        file=file,
        size=size,
        sha256=digests.sha256,
        crc32=f"{digests.crc32:08x}",
        md5=digests.md5,
        download_check=plain.download_check,
        encryption=encryption,
        source=ManifestSource(
            name=plain.source.name,
            type=plain.source.type,
            url="",
            series=hidden_series(plain.source),
            parameters={},
        ),
        job=plain.job.model_copy(update={"id": ""}),
    )


def open_sealed(manifest: Manifest, identities: Sequence[Secret]) -> Manifest:
    """The manifest of the archive as it was before it was encrypted.

    Args:
        manifest: The manifest beside the encrypted archive; one of an archive that is not
            encrypted is returned as it is.
        identities: The private keys to try.

    Raises:
        RefusedError: None of the private keys fits.
        IntegrityError: What is sealed is damaged, or belongs to another archive.
        PluginError: The library for encryption is not installed.
    """
    if manifest.encryption is None:
        return manifest
    where = f"The sealed manifest of {manifest.archive_id}"
    text = io.BytesIO(manifest.encryption.sealed.encode())
    with decrypted(
        text, identities, where=where, recipients=manifest.encryption.recipients
    ) as reader:
        document = reader.read()
    try:
        plain = Manifest.from_json(document, where=where)
    except InvalidAnswerError as error:
        raise IntegrityError(error.message) from None
    if plain.archive_id != manifest.archive_id:
        raise IntegrityError(f"{where} is that of another archive, {plain.archive_id}.")
    return plain


def hidden_series(source: ManifestSource) -> str:
    """What a sealed manifest calls a series: the same for all its archives, and telling nothing.

    Args:
        source: The source as an open manifest has it.
    """
    # Archives of one series in several formats are series of their own to retention.
    form = source.parameters.get("format") or ""
    text = f"labferry series\0{source.name}\0{source.series}\0{form}"
    return hashlib.sha256(text.encode()).hexdigest()[:_SERIES_LENGTH]
