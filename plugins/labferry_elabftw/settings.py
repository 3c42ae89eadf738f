"""What a `[sources.NAME]` table of type `elabftw` holds."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from labferry.sdk import Duration, FilePath, Secret, SourceSettings
from labferry_elabftw.address import Address

Entries = Literal["experiments", "items", "experiments_templates", "items_types"]


def _address(text: str) -> str:
    return Address.parse(text).base


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("a time longer than zero")
    return value


_Time = Annotated[Duration, AfterValidator(_positive)]

_BELONGS = {
    "include_changelog": ("eln", "zip", "pdf"),
    "include_json": ("zip",),
    "pdfa": ("pdf", "zip"),
}


class ElabftwSettings(SourceSettings):
    """An eLabFTW server, and the users whose work to export from it."""

    type: Literal["elabftw"]
    """Which kind of source this is."""

    url: Annotated[str, AfterValidator(_address)]
    """The server's address, such as https://elab.example.edu."""

    api_key: Secret | None = None
    """The key of the user whose work to export, from the user's settings. It must have permission
    to write. A key exports the work of its own user only."""

    api_keys: tuple[Secret, ...] = ()
    """Keys of several users, instead of api_key: one archive for each user."""

    format: Literal["eln", "zip", "pdf", "json"] = "eln"
    """The format of the export: eln can be imported again and checked best; zip has a PDF and the
    files of each entry; pdf is one document; json is what the API shows."""

    entries: Annotated[tuple[Entries, ...], Field(min_length=1)] = (
        "experiments",
        "items",
        "experiments_templates",
    )
    """Which entries to export, in the API's words; eLabFTW calls items resources. The export fails
    with items_types if the key may not read each resource template of its team."""

    include_changelog: bool = False
    """With format eln, zip or pdf: whether to export the list of changes of each entry too."""

    include_json: bool = False
    """With format zip: whether to add a JSON file for each entry."""

    pdfa: bool = False
    """With format pdf or zip: whether to make PDF/A files, for archives."""

    verify_contents: bool = True
    """Whether labferry checks the contents of each archive before it stores it: every member of a
    zip or eln file, and whether an eln file has all the files that it describes. If not, it checks
    only the archive's own size and SHA-256."""

    require_digest: bool = True
    """Whether to refuse an archive if the server declares no checksum of it. eLabFTW declares a
    SHA-256, and only says so if it could not compute one."""

    poll_interval: _Time = timedelta(minutes=1)
    """How long to wait between two questions about a running export."""

    job_timeout: _Time = timedelta(hours=24)
    """How long an export may take before it is given up and deleted at the server. The server works
    on one export at a time, for all users together."""

    ca_file: FilePath | None = None
    """Certificates (PEM) of an authority to trust in addition to the well-known ones."""

    connect_timeout: _Time = timedelta(seconds=10)
    """How long connecting to the server may take."""

    read_timeout: _Time = timedelta(minutes=1)
    """How long the server may be silent while it answers or sends an archive."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        mistakes = []
        if (self.api_key is None) == (not self.api_keys):
            mistakes.append("either api_key or api_keys, and not both")
        mistakes += [
            f"{key} only with format {' or '.join(formats)}; here it is {self.format}"
            for key, formats in _BELONGS.items()
            if getattr(self, key) and self.format not in formats
        ]
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return self

    @property
    def keys(self) -> tuple[Secret, ...]:
        """All keys, however they were given."""
        return self.api_keys or ((self.api_key,) if self.api_key else ())
