"""The manifest: the small JSON file beside an archive that says what it is and commits it."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from labferry.sdk.archive import DownloadCheck
from labferry.sdk.described import Described
from labferry.sdk.errors import InvalidAnswerError
from labferry.sdk.keys import archive_key, safe_name
from labferry.sdk.names import Names
from labferry.sdk.settings import JsonValue

__all__ = [
    "MANIFEST_SUFFIX",
    "Manifest",
    "ManifestEncryption",
    "ManifestJob",
    "ManifestNames",
    "ManifestSource",
]

MANIFEST_SUFFIX = ".manifest.json"
"""What follows an archive's key to make its manifest's."""

_SIZE_LIMIT = 1 << 20
_YEARS = range(2000, 2200)
"""What a clock can show; a date outside of it is nonsense, and can't be computed with."""
_LARGEST = (1 << 63) - 1
_DEPTH = 16
_NODES = 50_000
"""How many values the parameters of an export may have: 2,000 selected ids are 2,000 of them. A
bound, because a small document can hold very many small values, and each takes memory."""
_IDENTITY = re.compile(r"\d{8}T\d{6}Z-[A-Za-z0-9_][A-Za-z0-9._-]*")
_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,16}){0,3}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:", re.ASCII)
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def _sane_time(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError(f"the year must be between {_YEARS[0]} and {_YEARS[-1]}")
    return moment


def _written_out(moment: object) -> object:
    """Let no number pass for a time, as pydantic would."""
    if isinstance(moment, datetime) or (isinstance(moment, str) and _DATE.match(moment)):
        return moment
    raise ValueError("it must be a date and a time as ISO 8601 has them")


def _bounded(parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Make sure that what a server was asked for is of a size that somebody would ask for."""
    level: list[JsonValue] = [parameters]
    nodes = 0
    for _ in range(_DEPTH):
        nodes += len(level)
        inner: list[JsonValue] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST:
                raise ValueError("it has a number that is none, or that is too large")
        if not inner:
            return parameters
        if nodes + len(inner) > _NODES:
            break
        level = inner
    raise ValueError(f"it has more than {_NODES} values, or more than {_DEPTH} levels")


_Name = Annotated[str, Field(max_length=255)]
_Text = Annotated[str, Field(max_length=65536)]
_FileName = Annotated[str, Field(pattern="^[A-Za-z0-9_][A-Za-z0-9._-]*$", max_length=255)]
_Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_sane_time)]


class _Part(Described):
    model_config = ConfigDict(extra="ignore")


class ManifestNames(_Part):
    """Whose work an archive holds, by the names that the server gave when it was exported."""

    username: _Name | None = None
    """The name that the person logs in with."""

    full_name: _Name | None = None
    """The name that people call the person by."""

    group_name: _Name | None = None
    """The name of the group."""


class ManifestSource(_Part):
    """Where an archive came from."""

    name: _Name
    """The source's name in the configuration."""

    type: _Name
    """The kind of source, e.g. `rspace`."""

    url: _Text
    """The server's address."""

    series: _Text
    """What was exported, the same for every archive that a later one replaces."""

    parameters: Annotated[dict[str, JsonValue], AfterValidator(_bounded)]
    """What the server was asked for: format, scope, id and so on."""

    names: ManifestNames | None = None
    """Whose work it is. Missing if the server gave no name, and in the open part of an encrypted
    archive's manifest."""


class ManifestJob(_Part):
    """The export job that made an archive."""

    id: _Text
    """The server's number for it; empty where it has none."""

    submitted: _Moment
    """When the export was asked for, UTC."""

    completed: _Moment
    """When it was first seen completed, UTC."""


class ManifestEncryption(_Part):
    """How an archive is encrypted, and what only its recipients may know of it."""

    format: Literal["age"]
    """The file format: `age` decrypts it."""

    recipients: Annotated[tuple[_Text, ...], Field(max_length=1000)]
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

    archive_id: _FileName
    """Names the archive everywhere."""

    file: _FileName
    """The archive's file name, in the same folder as this document."""

    size: Annotated[int, Field(ge=0, le=_LARGEST)]
    """The archive's size in bytes."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Its SHA-256, as `sha256sum` prints it."""

    crc32: Annotated[str, Field(pattern="^[0-9a-f]{8}$")]
    """Its CRC-32 in hexadecimal."""

    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    """Its MD5, where a destination needs it."""

    download_check: DownloadCheck | None = None
    """How well the download could be checked: `declared-digest`, `declared-size`, `sound` or
    `none`. None if labferry was too old to say so: it stored nothing without a declared checksum.
    """

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

    @property
    def names(self) -> Names:
        """Whose work the archive holds; none if the manifest does not say."""
        known = self.source.names
        return Names() if known is None else Names(**known.model_dump())

    def require_key(self, key: str) -> None:
        """Make sure that the manifest is the one of an archive under a key, and of no other.

        What labferry stores agrees in all of it: the id begins with the time of the job and the
        source, the file is named after the id, and the key is made of source, year and file name.

        Args:
            key: Where the archive is.

        Raises:
            InvalidAnswerError: They do not agree, so somebody else put it there, or moved it.
        """
        suffix = self.file.removeprefix(self.archive_id)
        submitted = self.job.submitted.astimezone(UTC)
        if not (
            _IDENTITY.fullmatch(self.archive_id)
            and self.archive_id.startswith(
                f"{submitted:%Y%m%dT%H%M%SZ}-{safe_name(self.source.name)}-"
            )
            and _SOURCE.fullmatch(self.source.name)
            and _SUFFIX.fullmatch(suffix)
        ):
            raise InvalidAnswerError(
                f"The manifest of {key} names no archive of labferry's: its id, its file name, its "
                "source and its time do not agree."
            )
        own = archive_key(self.archive_id, self.source.name, submitted, suffix)
        if key != own:
            raise InvalidAnswerError(f"The manifest of {key} is that of another archive, {own}.")

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
            errors = error.errors(include_url=False, include_input=False, include_context=False)
            place = ".".join(str(part) for part in errors[0]["loc"]) or "document"
            problem = f"{place}: {errors[0]['msg']}"
        # Raised out here, so that it does not keep the whole document in memory as its context.
        raise InvalidAnswerError(
            f"{where} is not a manifest that this labferry can read: {problem}."
        )
