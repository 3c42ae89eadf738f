"""The manifest: the small JSON file beside an archive that says what it is and commits it."""

import json
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, ValidationError

from labferry.sdk.described import Described
from labferry.sdk.errors import InvalidAnswerError
from labferry.sdk.settings import JsonValue

__all__ = [
    "MANIFEST_SUFFIX",
    "Manifest",
    "ManifestEncryption",
    "ManifestJob",
    "ManifestSource",
]

MANIFEST_SUFFIX = ".manifest.json"
"""What follows an archive's key to make its manifest's."""

_SIZE_LIMIT = 1 << 20


class _Part(Described):
    model_config = ConfigDict(extra="ignore")


class ManifestSource(_Part):
    """Where an archive came from."""

    name: str
    """The source's name in the configuration."""

    type: str
    """The kind of source, e.g. `rspace`."""

    url: str
    """The server's address."""

    series: str
    """What was exported, the same for every archive that a later one replaces."""

    parameters: dict[str, JsonValue]
    """What the server was asked for: format, scope, id and so on."""


class ManifestJob(_Part):
    """The export job that made an archive."""

    id: str
    """The server's number for it; empty where it has none."""

    submitted: AwareDatetime
    """When the export was asked for, UTC."""

    completed: AwareDatetime
    """When it was first seen completed, UTC."""


class ManifestEncryption(_Part):
    """How an archive is encrypted, and what only its recipients may know of it."""

    format: Literal["age"]
    """The file format: `age` decrypts it."""

    recipients: tuple[str, ...]
    """The public keys that it is encrypted for."""

    sealed: str
    """The manifest of the archive as it was before, with its digests and where it came from: JSON,
    encrypted for the same recipients, in age's ASCII armour."""


class Manifest(_Part):
    """One archive's manifest.

    Enough, together with the archive, to verify and restore it on an empty machine. A reader
    ignores keys that it does not know.
    """

    labferry_manifest: Literal[1]
    """The version of this format."""

    archive_id: str
    """Names the archive everywhere."""

    file: str
    """The archive's file name, in the same folder as this document."""

    size: Annotated[int, Field(ge=0)]
    """The archive's size in bytes."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Its SHA-256, as `sha256sum` prints it."""

    crc32: Annotated[str, Field(pattern="^[0-9a-f]{8}$")]
    """Its CRC-32 in hexadecimal; the server declared the same, but for an encrypted archive."""

    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    """Its MD5, where a destination needs it."""

    previous: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """The SHA-256 of the manifest that was committed before this one at the same destination: the
    link of a chain in which nothing can be removed or replaced unseen. None for the first."""

    encryption: ManifestEncryption | None = None
    """How the archive is encrypted; None where it is not. Size and digests are those of the
    encrypted file."""

    source: ManifestSource
    """Where it came from."""

    job: ManifestJob
    """The export job that made it."""

    def to_json(self) -> bytes:
        """The document as it is stored: UTF-8, indented, with a final newline."""
        text = json.dumps(
            self.model_dump(mode="json", exclude_none=True), indent=2, ensure_ascii=False
        )
        return f"{text}\n".encode()

    @classmethod
    def from_json(cls, document: bytes, *, where: str) -> Self:
        """Read a stored document.

        Args:
            document: Its bytes.
            where: What to call it in an error, e.g. its key.

        Raises:
            InvalidAnswerError: It is not a manifest of a version that this labferry knows.
        """
        if len(document) > _SIZE_LIMIT:
            raise InvalidAnswerError(f"{where} is too large for a manifest.")
        try:
            return cls.model_validate_json(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise InvalidAnswerError(
                f"{where} is not a manifest that this labferry can read: "
                f"{place or 'document'}: {first['msg']}."
            ) from None
