"""The keys of a destination of type `zenodo`."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from labferry.sdk import MIB, Duration, FilePath, Secret, SinkSettings, Size
from labferry.sdk.settings import Settings
from labferry_zenodo.address import base_address, host, is_zenodo
from labferry_zenodo.metadata import Metadata

_GB = 1000**3
_NO_COMMUNITIES = (
    "Communities can't be set: their members could access restricted files, and their curators "
    "decide what is published and when. Leave communities out, and submit single records by "
    "hand."
)

Wait = Annotated[Duration, Field(gt=timedelta())]


class Access(Settings):
    """Who can see what."""

    record: Literal["public", "restricted"] = "public"
    """Who sees a published record's metadata. Zenodo knows `public` only; other servers may allow
    `restricted`, and then give no DOI."""

    files: Literal["public", "restricted"] = "restricted"
    """Who can access a published record's files."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.record == "restricted" and self.files == "public":
            raise ValueError("The files of a restricted record are restricted, too.")
        return self


class ZenodoSettings(SinkSettings):
    """The keys of a destination of type `zenodo`."""

    url: Annotated[str, AfterValidator(base_address)]
    """The server: `https://zenodo.org`, its sandbox `https://sandbox.zenodo.org`, or any
    InvenioRDM."""

    token: Secret
    """A personal access token of an account that is used for these backups only."""

    publish: bool = False
    """Whether records are published. That can't be undone. If false, records stay drafts."""

    access: Access = Access()
    """Who sees what once a record is published: `{ record = "public", files = "restricted" }`."""

    metadata: Metadata
    """The metadata of the records."""

    series: bool = False
    """Whether the archives of each source become versions of one record, under one concept DOI.
    Needs `publish`, because a draft that nobody publishes blocks the next version."""

    communities: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    """Not supported; labferry refuses it and says why."""

    quota: Annotated[Size, Field(gt=MIB)] | None = None
    """How much one record can hold; the default is 50 GB on Zenodo and 10 GB elsewhere. Zenodo
    raises it on request."""

    max_file_size: Annotated[Size, Field(gt=MIB)] | None = None
    """How large one file may be, if that is less than `quota`."""

    ca_file: FilePath | None = None
    """Certificates (PEM) of an authority to trust in addition to the well-known ones."""

    connect_timeout: Wait = timedelta(seconds=10)
    """How long connecting may take."""

    timeout: Wait = timedelta(minutes=5)
    """How long the server may be silent, or take no data."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.communities:
            raise ValueError(_NO_COMMUNITIES)
        if self.series and not self.publish:
            raise ValueError(
                "A series needs publish = true: a version that stays a draft blocks the next one."
            )
        if self.access.record == "restricted" and is_zenodo(self.url):
            raise ValueError(
                "Zenodo has no restricted records, their metadata is always public; "
                'access = { files = "restricted" } is possible.'
            )
        return self

    @property
    def room(self) -> int:
        """How many bytes one record holds."""
        return self.quota or (50 * _GB if is_zenodo(self.url) else 10 * _GB)

    @property
    def publisher(self) -> str:
        """Who publishes, where the metadata does not say."""
        return "Zenodo" if is_zenodo(self.url) else host(self.url)
