"""Sample kinds with the keys that the built-in plugins have, and ways to load text with them."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, BinaryIO, ClassVar, Literal

import pytest
from pydantic import AfterValidator, Field, HttpUrl, model_validator

from labferry.config import Config, InvalidConfigError, Kinds, Problem, load_config
from labferry.sdk import (
    Archive,
    Checkpoint,
    Download,
    Duration,
    ExportRequest,
    FilePath,
    Finding,
    JobStatus,
    JsonValue,
    ManifestDraft,
    Observer,
    ObserverSettings,
    Receipt,
    Secret,
    Sink,
    SinkSettings,
    Source,
    SourceSettings,
    StoredArchive,
)
from labferry.sdk.settings import Settings

Load = Callable[..., Config]


def _begins_with_key(text: str) -> str:
    if text.startswith("key"):
        return text
    raise ValueError(f"a word that begins with key, not {text}")


class Retention(Settings):
    """How many archives to keep."""

    keep_last: Annotated[int, Field(ge=1)]
    """The newest ones."""

    keep_daily: int = 0
    """One of each day."""


class NotebookSettings(SourceSettings):
    """An account on a notebook server."""

    url: HttpUrl
    """The server's address."""

    api_key: Secret
    """The account's key."""

    api_keys: tuple[Secret, ...] = ()
    """More keys."""

    headers: Mapping[str, Secret] = Field(default_factory=dict)
    """Secrets by name."""

    scope: Literal["user", "group", "selection", "search", "all-users"] = "user"
    """What to export."""

    id: int | None = None
    """The user or group."""

    selections: tuple[int | str, ...] = ()
    """The records."""

    query: str | None = None
    """What to search for."""

    format: Literal["xml", "html"] = "xml"
    """The format."""

    include_revision_history: bool = False
    """Whether to export earlier versions."""

    max_link_level: Annotated[int, Field(ge=0, le=9)] = 1
    """How far to follow links."""

    poll_interval: Duration = timedelta(minutes=1)
    """How often to ask."""

    job_timeout: Duration = timedelta(days=1)
    """When to give up."""

    ca_file: FilePath | None = None
    """The certificates to trust."""

    word: Annotated[str, AfterValidator(_begins_with_key)] = "key"
    """A field whose validator repeats what it was given."""

    ratio: float = 1.0
    """A number."""

    options: Mapping[str, JsonValue] = Field(default_factory=dict)
    """Anything."""

    @model_validator(mode="after")
    def check_scope(self) -> "NotebookSettings":
        """A group has a number."""
        if self.scope == "group" and self.id is None:
            shown = self.api_key.reveal() if self.api_key.is_plain else "none"
            raise ValueError(f"The scope group needs an id (key: {shown}).")
        return self


class NotebookSource(Source[NotebookSettings]):
    type = "rspace"
    Settings = NotebookSettings
    url = ""
    poll_interval = 0.0
    job_timeout = 0.0

    def lanes(self) -> Sequence[str]:
        return ()

    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        raise NotImplementedError

    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        raise NotImplementedError

    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        raise NotImplementedError

    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> AbstractContextManager[Download]:
        raise NotImplementedError

    def check(self) -> Iterator[Finding]:
        yield from ()


class FolderSettings(SinkSettings):
    """A folder."""

    path: FilePath
    """The folder."""

    retention: Retention | None = None  # type: ignore[assignment]  # a shorter one
    """What to keep."""


class FolderSink(Sink[FolderSettings]):
    type = "local"
    Settings = FolderSettings

    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        raise NotImplementedError

    def list(self) -> Iterator[StoredArchive]:
        yield from ()

    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        raise NotImplementedError

    def delete(self, stored: StoredArchive) -> None:
        raise NotImplementedError

    def check(self) -> Iterator[Finding]:
        yield from ()


class MirrorSink(FolderSink):
    """Another kind that shares its settings with the first."""

    type = "mirror"


class ChoosySettings(FolderSettings):
    """A folder that offers a choice."""

    upload_checks: ClassVar[frozenset[str]] = frozenset({"readback", "size"})


class ChoosySink(FolderSink):
    """A kind that offers a choice of how uploads are checked."""

    type = "choosy"
    Settings = ChoosySettings


class HeartbeatSettings(ObserverSettings):
    """A monitor."""

    url: Secret
    """Its address."""

    patience: Duration = timedelta(seconds=10)
    """How long to wait for it."""


class Heartbeat(Observer[HeartbeatSettings]):
    type = "heartbeat"
    Settings = HeartbeatSettings


@pytest.fixture
def kinds() -> Kinds:
    return Kinds(
        {"rspace": NotebookSource},
        {"local": FolderSink, "mirror": MirrorSink},
        observers={"heartbeat": Heartbeat},
    )


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    return tmp_path / "labferry.toml"


@pytest.fixture
def load(config_file: Path, kinds: Kinds) -> Load:
    """Write a file that its owner alone can read, and load it."""

    def load_text(text: str | bytes, kinds: Kinds = kinds, mode: int = 0o600) -> Config:
        content = textwrap.dedent(text).encode() if isinstance(text, str) else text
        config_file.write_bytes(content)
        config_file.chmod(mode)
        return load_config(config_file, kinds)

    return load_text


@pytest.fixture
def problems(load: Load) -> Callable[..., tuple[Problem, ...]]:
    """The problems that loading a text reports."""

    def problems_of(text: str | bytes, mode: int = 0o600, **options: Kinds) -> tuple[Problem, ...]:
        with pytest.raises(InvalidConfigError) as caught:
            load(text, mode=mode, **options)
        return caught.value.problems

    return problems_of


@pytest.fixture
def good() -> str:
    """The least that is right, for tests to add to."""
    return textwrap.dedent(
        """\
        [sources.chem]
        type = "rspace"
        url = "https://rspace.example.edu"
        api_key = { env = "LABFERRY_TEST_KEY" }

        [destinations.nas]
        type = "local"
        path = "/mnt/backup"
        """
    )
